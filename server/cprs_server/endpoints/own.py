"""What our own endpoints have in common: who asks, bodies within a limit, clients that go away."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from cprs_server.access.limits import Limits
from cprs_server.errors import ProxyError
from cprs_server.incoming import Incoming, new_id
from cprs_server.live import Live
from cprs_server.observed import ASKED
from cprs_server.off_loop import off_loop
from cprs_server.planning.planner import Planner
from cprs_server.running.base import Runner
from cprs_server.store import Store
from cprs_server.upstream.body import read_body
from cprs_server.upstream.disconnect import ClientGone, DisconnectWatch
from cprs_server.wire.body import parse

_GONE = 499


@dataclass(frozen=True)
class Own:
    """What our own endpoints are made with."""

    live: Callable[[], Live]
    runner: Runner
    planner: Planner
    store: Store
    limits: Limits

    def asked(self, request: Request) -> Incoming:
        """Who asks, within what they may. Raises `ProxyError`: 401, 429."""
        asked = Incoming.of(request.scope, self.live(), new_id())
        request.scope[ASKED] = asked
        self.limits.take(asked.key)
        return asked

    @property
    def deadline(self) -> float:
        """Seconds that a compression may take."""
        return self.live().settings.limits.deadline


class Bounded(Request):
    """A request whose body has been read, and is the JSON object `value`."""

    def __init__(self, request: Request, body: bytes, value: dict[str, Any]) -> None:
        super().__init__(request.scope, request.receive)
        self._whole = body
        self._value = value

    async def body(self) -> bytes:
        """All of it, decoded."""
        return self._whole

    async def json(self) -> Any:
        """As JSON."""
        return self._value


async def _json_of(request: Request, body: bytes, *, untyped: bool) -> dict[str, Any]:
    """The JSON of a body, read in a thread where it is long. Raises `ProxyError` (400, 415)."""
    if request.method != "POST":
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # Any page may have a browser send other types than this one to a local port, or none; but a
    # browser names the page, which a program does not.
    bare = untyped and not kind and "origin" not in request.headers
    if kind != "application/json" and not bare and not _is_json(kind):
        raise ProxyError(
            415,
            "send the body as JSON, with the header content-type: application/json",
            code="unsupported_media_type",
        )
    return await off_loop(len(body), lambda: parse(body))


def _is_json(kind: str) -> bool:
    return kind.startswith("application/") and "+json" in kind


def route_class(limit: Callable[[], int], *, untyped: bool = False) -> type[APIRoute]:
    """A class of routes that take bodies of at most `limit()` bytes, in any content coding known,
    and stop their work when the client goes. `untyped`: also those that do not say what they are.
    """

    class Route(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()

            async def handle(request: Request) -> Response:
                try:
                    body = await read_body(request.scope, request.receive, limit=limit())
                    async with DisconnectWatch(request.receive):
                        value = await _json_of(request, body, untyped=untyped)
                        return await handler(Bounded(request, body, value))
                except ClientGone:
                    return Response(status_code=_GONE)

            return handle

    return Route


def routes_of(own: Own, *, untyped: bool = False) -> type[APIRoute]:
    """The class of routes for the limits in force."""
    return route_class(lambda: int(own.live().settings.limits.body_bytes), untyped=untyped)


async def json_response(
    said: BaseModel, *, size: int = 0, headers: dict[str, str] | None = None
) -> Response:
    """`said` as JSON; written in a thread where `size` says that it is long."""

    def write() -> bytes:
        return said.model_dump_json().encode()

    body = await off_loop(size, write)
    return Response(body, media_type="application/json", headers=headers)


class Fault(BaseModel):
    """What went wrong."""

    message: str = Field(description="What is wrong, and what to do about it.")
    type: str
    param: str | None = None
    code: str | None = Field(description="A stable word for programs.")


class Problem(BaseModel):
    """An error."""

    error: Fault

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "error": {
                        "message": "cprs.ratio must be at least 1 (16 = 16 times shorter), got 0",
                        "type": "invalid_request_error",
                        "param": None,
                        "code": "invalid_cprs",
                    }
                }
            ]
        }
    }


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The request makes no sense; the message says why."},
    401: {"model": Problem, "description": "A key is needed, or the one shown is not known."},
    413: {"model": Problem, "description": "The body is longer than the limit."},
    429: {
        "model": Problem,
        "description": "Too many wait already, or the key's rate is used up.",
        "headers": {
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}
        },
    },
    504: {"model": Problem, "description": "It took longer than the deadline and was stopped."},
    "4XX": {"model": Problem, "description": "Any other fault of the request."},
    "5XX": {"model": Problem, "description": "A fault of the proxy."},
}
"""The errors of our own endpoints, for their descriptions."""
