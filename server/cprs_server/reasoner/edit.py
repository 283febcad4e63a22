"""What is changed of answers on their way: thinking told apart, usage added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cprs_server.reasoner import chat, messages
from cprs_server.upstream.relay import Edit, WholeEdit
from cprs_server.wire.usage import UsageStream, add_usage


class Edits:
    """Several edits, each of what the one before makes."""

    def __init__(self, edits: Sequence[Edit]) -> None:
        self._edits = tuple(edits)

    def feed(self, chunk: bytes) -> bytes:
        """What can be relayed now."""
        for edit in self._edits:
            chunk = edit.feed(chunk)
        return chunk

    def flush(self) -> bytes:
        """What is left at the end."""
        out = b""
        for edit in self._edits:
            out = edit.feed(out) + edit.flush()
        return out


def answer_edit(
    form: str,
    *,
    stream: bool,
    reasoner: bool,
    answer: bool,
    usage: Mapping[str, Any] | None,
) -> Edit | None:
    """What is done to an answer of `form` on its way, if anything: a `reasoner`'s thinking is told
    apart and, with `answer`, only the answer is left of the rest; `usage` is added to its usage."""
    edits: list[Edit] = []
    if reasoner:
        edits.append(_reasoned(form, stream=stream, answer=answer))
    if usage is not None:
        edits.append(
            UsageStream(usage) if stream else WholeEdit(lambda whole: add_usage(whole, usage))
        )
    return Edits(edits) if edits else None


def _reasoned(form: str, *, stream: bool, answer: bool) -> Edit:
    if form == "messages":
        if stream:
            return messages.MessageStream(answer=answer)
        return WholeEdit(lambda body: messages.whole(body, answer=answer))
    if stream:
        return chat.ChatStream(answer=answer)
    return WholeEdit(lambda body: chat.whole(body, answer=answer))
