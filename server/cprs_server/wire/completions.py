"""Completions: `POST /v1/completions`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cprs_server.wire.base import Answer, Conversation
from cprs_server.wire.openai import DONE, OpenAIErrors, prefixed, usage_of
from cprs_server.wire.read import Gathered
from cprs_server.wire.sse import dump, event, pieces


class Completions(OpenAIErrors):
    """The form of completions."""

    name = "completions"

    def read(self, body: Mapping[str, Any]) -> Conversation:
        """As `Form.read`.

        A batch of prompts and prompts of token ids are left out: what is one prompt's question is
        not another's, and their tokens do not share a window. With a `suffix` the prompt is the
        text around a gap to be filled: pinned.
        """
        gathered = Gathered()
        gathered.note(body.get("suffix"))
        prompt = body.get("prompt")
        pinned = bool(body.get("suffix"))
        gathered.text(("prompt",), prompt, "question", pinned=pinned)
        if isinstance(prompt, list) and len(prompt) == 1:
            gathered.text(("prompt", 0), prompt[0], "question", pinned=pinned)
        return gathered.conversation(self.name, body, output_tokens=body.get("max_tokens"))

    def answer(self, answer: Answer) -> bytes:
        """As `Form.answer`."""
        return dump({**_body(answer, answer.text, "stop"), "usage": usage_of(answer)})

    def events(self, answer: Answer, *, usage: bool) -> Iterator[bytes]:
        """As `Form.events`."""
        tail = {"usage": None} if usage else {}
        for piece in pieces(answer.text):
            yield event({**_body(answer, piece, None), **tail})
        yield event({**_body(answer, "", "stop"), **tail})
        if usage:
            yield event({**_body(answer, "", None), "choices": [], "usage": usage_of(answer)})
        yield DONE


def _body(answer: Answer, text: str, finish: str | None) -> dict[str, Any]:
    return {
        "id": prefixed("cmpl-", answer.id),
        "object": "text_completion",
        "created": answer.created,
        "model": answer.model,
        "choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": finish}],
    }
