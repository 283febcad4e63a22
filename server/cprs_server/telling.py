"""What a client is told by us: headers, a part of `usage`, errors."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from cprs_server.account import Account, Begun
from cprs_server.change import Change
from cprs_server.errors import ProxyError
from cprs_server.incoming import Incoming
from cprs_server.planning.base import Plan
from cprs_server.upstream.base import Headers
from cprs_server.wire.forms import errors_at


def id_header(asked: Incoming) -> Headers:
    """By what a request is found in logs."""
    return ((b"x-cprs-id", asked.id.encode()),)


def headers_of(asked: Incoming, plan: Plan, change: Change, account: Account) -> Headers:
    """What the client is told of the compression."""
    ms = 1000 * sum(
        account.stages.seconds.get(stage, 0.0) for stage in ("plan", "compress", "splice")
    )
    said = {
        "decision": change.decision,
        "reason": change.reason,
        "tokens-in": change.tokens_in,
        "tokens-out": change.tokens_out,
        "tokens-exact": str(plan.exact).lower(),
        "ms": f"{ms:.1f}",
        "id": asked.id,
    }
    return tuple((f"x-cprs-{name}".encode(), str(value).encode()) for name, value in said.items())


def usage_of(asked: Incoming, plan: Plan, change: Change) -> dict[str, Any]:
    """The same for an answer's `usage`."""
    return {
        "id": asked.id,
        "decision": change.decision,
        "reason": change.reason,
        "tokens_in": change.tokens_in,
        "tokens_out": change.tokens_out,
        "tokens_exact": plan.exact,
    }


async def refuse(
    error: ProxyError,
    scope: MutableMapping[str, Any],
    account: Account,
    send: Begun,
    id: str,
) -> None:
    """Tell the client of an error, in the form it reads."""
    account.error = error.code
    if send.begun:
        return
    account.status = error.status
    form = errors_at(scope["path"])
    body = form.error(error.status, error.message, code=error.code)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-cprs-id", id.encode()),
        *((name.lower().encode(), value.encode()) for name, value in error.headers.items()),
    ]
    account.bytes_out = len(body)
    start = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    if scope["type"] == "websocket" and start not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": error.message[:120]})
        return
    await send({"type": f"{start}.start", "status": error.status, "headers": headers})
    await send({"type": f"{start}.body", "body": body, "more_body": False})
