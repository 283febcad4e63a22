"""Connections that are lost while a body is read from them."""

from __future__ import annotations

import asyncio

import aiohttp


def tell_of_loss(response: aiohttp.ClientResponse) -> None:
    """Ends the body of `response` with an error when its connection is lost before its end.

    The client library (3.14) does that itself but for a body whose chunks are malformed: it closes
    the connection and leaves whoever waits for the rest waiting for ever.
    """
    connection = response.connection
    if connection is None or connection.protocol is None:
        return  # all has arrived
    content = response.content
    closed = connection.protocol.closed

    def lost(closed: asyncio.Future[None] | None = None) -> None:
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the connection was lost"))

    if closed is None:
        lost()
        return
    # One for the connection, which serves many responses, and one until this response has ended.
    closed.remove_done_callback(_retrieved)
    closed.add_done_callback(_retrieved)
    closed.add_done_callback(lost)

    def ended() -> None:
        closed.remove_done_callback(lost)

    content.on_eof(ended)


def _retrieved(closed: asyncio.Future[None]) -> None:
    """Keeps the event loop from reporting an error that nobody waits for."""
    if not closed.cancelled():
        closed.exception()
