"""A small app behind the guard, asked as some server would ask it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from cprs_server.access.guard import guard


@dataclass(frozen=True)
class Bounds:
    header_bytes: int = 4096


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})
        return
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    said = json.dumps({"path": scope["path"], "body": body.decode()}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": said})


async def run(guarded: Any, *given: Any) -> None:
    await guarded(*given)


def ask(
    path: bytes = b"/v1/messages",
    *headers: tuple[bytes, bytes],
    method: str = "POST",
    kind: str = "http",
    cors: tuple[str, ...] = (),
    **more: Any,
) -> list[dict[str, Any]]:
    """What the guarded app sends for a request that some server took."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        connect = {"type": "websocket.connect"}
        return connect if kind == "websocket" else {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": kind,
        "method": method,
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": b"",
        "http_version": "1.1",
        "headers": [(b"host", b"127.0.0.1:8788"), *headers],
        **more,
    }
    if kind == "websocket":
        del scope["method"]
    asyncio.run(run(guard(app, Bounds(), cors=cors), scope, receive, send))
    return sent


def status(*args: Any, **more: Any) -> int:
    return int(ask(*args, **more)[0]["status"])


def code(*args: Any, **more: Any) -> str:
    error = json.loads(ask(*args, **more)[1]["body"])["error"]
    return str(error.get("code"))
