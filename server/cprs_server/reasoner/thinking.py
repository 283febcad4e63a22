"""Where thinking ends, in a text that comes in parts."""

from __future__ import annotations

from cprs.l1.answers import CLOSE, OPEN, parse_answer


class Thinking:
    """Feed it what a model says: it tells thinking from answer.

    Thinking is all before the first </think>, whether or not <think> opens it: chat templates open
    it for the model. `closed`: that has come; `opened`: <think> was said.
    """

    __slots__ = ("_begun", "_held", "_leading", "_parts", "closed", "opened")

    def __init__(self) -> None:
        self.closed = self.opened = False
        self._begun = False
        self._leading = True  # white space before the answer is dropped
        self._held = ""
        self._parts: list[str] = []

    def feed(self, text: str) -> tuple[str, str]:
        """(thinking, answer) that can be told of by now; the rest waits for what follows."""
        if self.closed:
            return "", self._answer(text)
        self._parts.append(text)
        self._held += text
        if not self._begun:
            said = self._held.lstrip()
            if OPEN.startswith(said):  # nothing yet, or a part of the tag
                return "", ""
            self._begun = True
            self.opened = said.startswith(OPEN)
            self._held = said.removeprefix(OPEN)
        thinking, mark, rest = self._held.partition(CLOSE)
        if mark:
            self.closed = True
            self._held = ""
            return thinking, self._answer(rest)
        keep = next((n for n in range(len(CLOSE) - 1, 0, -1) if thinking.endswith(CLOSE[:n])), 0)
        self._held = thinking[len(thinking) - keep :] if keep else ""
        return thinking[: len(thinking) - keep], ""

    def end(self) -> str:
        """Thinking that was still waiting when all was said."""
        held, self._held = self._held, ""
        return "" if self.closed or (not self._begun and OPEN.startswith(held.strip())) else held

    @property
    def unthought(self) -> str:
        """All that was said, where no tag of either kind was: an answer without thinking, if the
        model came to its end. Otherwise ""."""
        return "" if self.closed or self.opened else "".join(self._parts)

    def _answer(self, text: str) -> str:
        if self._leading:
            text = text.lstrip()
            self._leading = not text
        return text


def bare(answer: str) -> str:
    """Only the answer of an answer, all of it where it does not have the form asked for."""
    return parse_answer(answer) or answer.strip()


def split(text: str, *, ended: bool) -> tuple[str, str]:
    """(thinking, answer) of a whole text; `ended`: the model came to its end by itself."""
    parts = Thinking()
    thinking, answer = parts.feed(text)
    thinking += parts.end()
    if ended and parts.unthought:
        return "", parts.unthought
    return thinking.strip(), answer
