"""Embeddings: `POST /v1/embeddings`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cprs_server.errors import ProxyError
from cprs_server.wire.base import Answer, Conversation
from cprs_server.wire.openai import OpenAIErrors
from cprs_server.wire.read import Gathered


class Embeddings(OpenAIErrors):
    """The form of embeddings. It has no streams, and no answer that is a text."""

    name = "embeddings"

    def read(self, body: Mapping[str, Any]) -> Conversation:
        """As `Form.read`. Of a batch, whose texts share neither question nor window, and of token
        ids nothing is read."""
        if body.get("input") is None:
            raise ProxyError(400, "'input' is missing", code="invalid_input")
        gathered = Gathered()
        text = body["input"]
        gathered.text(("input",), text, "document")
        if isinstance(text, list) and len(text) == 1:
            gathered.text(("input", 0), text[0], "document")
        return gathered.conversation(self.name, body)

    def answer(self, answer: Answer) -> bytes:
        """Raises `ProxyError` (400): texts are no vectors."""
        raise _none(answer.model)

    def events(self, answer: Answer, *, usage: bool) -> Iterator[bytes]:
        """Raises `ProxyError` (400)."""
        raise _none(answer.model)


def _none(model: str) -> ProxyError:
    return ProxyError(
        400, f"{model!r} makes no embeddings; name an upstream's model", code="no_embeddings"
    )
