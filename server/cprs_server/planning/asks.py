"""What a conversation asks: the question of its last turn, and of the turns before."""

from __future__ import annotations

from dataclasses import dataclass, field

from cprs_server.planning.asking import CUE, Task
from cprs_server.planning.question import Found, find
from cprs_server.planning.tools import query_of
from cprs_server.wire.base import Conversation

KEYWORDS = 500
"""Code points up to which a text of its own that asks nothing is taken for keywords."""

_FOLLOW_UP = 40  # code points of a question that is read together with the one before
_EMPTY = {
    "ok",
    "okay",
    "yes",
    "no",
    "continue",
    "go",
    "on",
    "proceed",
    "thanks",
    "thank",
    "you",
} | {
    *("please", "hi", "hello", "next", "done", "more", "sure", "great", "good"),
    *("继续", "好", "好的", "是", "谢谢"),
}


@dataclass(frozen=True, slots=True)
class Ask:
    """A question and what an answer to it needs; `turn` is where it stands."""

    query: str
    task: Task
    turn: int


@dataclass(slots=True)
class Asks:
    """The questions of one conversation, found when they are needed."""

    conversation: Conversation
    _found: dict[int, Found] = field(default_factory=dict)

    def found(self, number: int) -> Found:
        """What text number `number` asks and holds."""
        if number not in self._found:
            self._found[number] = find(self.conversation.texts[number].text)
        return self._found[number]

    def before(self, number: int | None = None) -> Ask | None:
        """The last question before text `number`, or of all. A short follow-up ("And in 2019?")
        is read together with the question before it."""
        texts = self.conversation.texts
        turns: dict[int, list[int]] = {}
        for index in range(len(texts) if number is None else number):
            if texts[index].kind == "question":
                turns.setdefault(texts[index].turn, []).append(index)
        latest: Ask | None = None
        for turn in sorted(turns, reverse=True):
            ask = self._of(turn, turns[turn])
            if ask is None:
                continue
            if latest is not None:
                return Ask(f"{ask.query} {latest.query}", latest.task, latest.turn)
            if len(ask.query) > _FOLLOW_UP:
                return ask
            latest = ask
        return latest

    def of_call(self, number: int) -> Ask | None:
        """What the result number `number` of a tool was called for: the words of the call, then
        the question that the call was made for. Later turns do not change either."""
        words = query_of(self.conversation.texts[number].call)
        ask = self.before(number)
        if ask is None:
            return Ask(words, "question", -1) if words else None
        return Ask(f"{words}\n{ask.query}" if words else ask.query, ask.task, ask.turn)

    def _of(self, turn: int, numbers: list[int]) -> Ask | None:
        founds = [self.found(number) for number in numbers]
        # The last of those that ask most surely.
        best = max(reversed(founds), key=lambda found: found.score)
        if best.task is not None and best.query:
            return Ask(best.query, best.task, turn)
        for number in reversed(numbers):
            words = " ".join(self.conversation.texts[number].text.split())
            if 0 < len(words) <= KEYWORDS and _says(words):
                return Ask(words, "question", turn)
        return None


def _says(words: str) -> bool:
    """Whether words alone may be what is looked for."""
    return not CUE.match(words) and not set(words.lower().strip(".!。").split()) <= _EMPTY
