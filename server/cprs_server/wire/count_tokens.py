"""Anthropic's count of a request's tokens: `POST /v1/messages/count_tokens`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cprs_server.wire.base import Answer, Conversation
from cprs_server.wire.messages import Messages
from cprs_server.wire.openai import with_cprs
from cprs_server.wire.sse import dump


class CountTokens(Messages):
    """The form of `count_tokens`: a request for a message that asks only how long it is."""

    name = "count_tokens"

    def read(self, body: Mapping[str, Any]) -> Conversation:
        """As `Form.read`."""
        return replace(super().read(body), stream=False, output_tokens=None)

    def answer(self, answer: Answer) -> bytes:
        """As `Form.answer`: `tokens_in`."""
        return dump(with_cprs({"input_tokens": answer.tokens_in}, answer.cprs))

    def events(self, answer: Answer, *, usage: bool) -> Iterator[bytes]:
        """The answer as it is: this form has no streams."""
        yield self.answer(answer)
