"""What OpenAI's forms have in common: errors, usage, the end of a stream."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cprs_server.wire.base import Answer
from cprs_server.wire.sse import dump, event

DONE = b"data: [DONE]\n\n"
"""The end of a stream of chunks."""

# Text cannot look like a member's name: its quotes are escaped. Not every upstream sends "[DONE]".
_ENDS = re.compile(rb'"finish_reason"\s*:\s*"|^data:\s*\[DONE\]|"error"\s*:\s*[{"]', re.MULTILINE)

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    408: "timeout_error",
    409: "conflict_error",
    429: "rate_limit_error",
    504: "timeout_error",
}


def error_object(status: int, message: str, code: str | None) -> dict[str, Any]:
    """The `error` of an error: all four keys, as clients rely on them."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"message": message, "type": kind, "param": None, "code": code}


class OpenAIErrors:
    """Errors as chat completions, completions and embeddings report them."""

    def error(self, status: int, message: str, *, code: str | None = None) -> bytes:
        """As `Form.error`."""
        return dump({"error": error_object(status, message, code)})

    def stream_error(self, status: int, message: str, *, code: str | None = None) -> bytes:
        """As `Form.stream_error`. No `[DONE]` follows: the stream did not come to its end."""
        return event({"error": error_object(status, message, code)})

    def ends(self, events: bytes) -> bool:
        """As `Form.ends`: a reason to finish is enough."""
        return _ENDS.search(events) is not None


def usage_of(answer: Answer) -> dict[str, Any]:
    """`usage` as chunks and completions have it."""
    usage: dict[str, Any] = {
        "prompt_tokens": answer.tokens_in,
        "completion_tokens": answer.tokens_out,
        "total_tokens": answer.tokens_in + answer.tokens_out,
    }
    return with_cprs(usage, answer.cprs)


def with_cprs(usage: dict[str, Any], cprs: Mapping[str, Any]) -> dict[str, Any]:
    """`usage` with the object of ours, where there is one."""
    if cprs:
        usage["cprs"] = dict(cprs)
    return usage


def prefixed(prefix: str, id: str) -> str:
    """`id` as the form's clients know ids."""
    return id if id.startswith(prefix) else prefix + id
