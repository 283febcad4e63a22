"""The API forms that the proxy knows, by name and by path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cprs_server.wire.base import Form
from cprs_server.wire.chat import Chat
from cprs_server.wire.completions import Completions
from cprs_server.wire.count_tokens import CountTokens
from cprs_server.wire.embeddings import Embeddings
from cprs_server.wire.messages import Messages
from cprs_server.wire.responses import Responses

PATHS: Mapping[str, Form] = {
    "/v1/chat/completions": Chat(),
    "/v1/completions": Completions(),
    "/v1/responses": Responses(),
    "/v1/messages": Messages(),
    "/v1/messages/count_tokens": CountTokens(),
    "/v1/embeddings": Embeddings(),
}
"""Each form by the path that it is posted to."""

FORMS: Mapping[str, Form] = {form.name: form for form in PATHS.values()}
"""Each form by its name."""


def form_at(method: str, path: str) -> Form | None:
    """The form of a request; None for one that is not of a form known here."""
    return PATHS.get(path) if method == "POST" else None


def errors_at(path: str) -> Form:
    """The form to report errors in at any path: the one there, or the API's that it belongs to."""
    form = PATHS.get(path)
    if form is not None:
        return form
    anthropic = path == "/v1/messages" or path.startswith("/v1/messages/")
    return FORMS["messages" if anthropic else "chat"]


def wants_usage(body: Mapping[str, Any]) -> bool:
    """Whether a client asks for usage at the end of a stream of chunks."""
    options = body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True
