"""Questions that any text asks about itself: keywords of a sentence, a sentence with a gap.

Evidence is exact: every sentence that has all the keywords, every sentence that fits the gap.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import regex

from cprs.formats.stopwords import STOPWORDS
from cprs.train.sets.data import Question
from cprs.train.tasks.base import Made, Order, instructed, task
from cprs.train.tasks.plant import Span, lay

_WORD = regex.compile(r"[\p{L}\p{N}_]+(?:['’-][\p{L}\p{N}_]+)*")
_GAP = "____"
_MOST, _TRIES = 6, 8
_ASK_KEYWORDS = ("{}", "Which sentence mentions {}?", "Where does the text speak of {}?")
_ASK_CLOZE = (
    "{}",
    "Fill the gap: {}",
    "Which word is missing here? {}",
    "The text says: {} What goes into the gap?",
)


@dataclass(frozen=True, slots=True)
class _Sentences:
    """The sentences of a text: where they are, their words, which sentences have a word."""

    text: str
    spans: list[Span]
    words: list[list[str]]
    having: dict[str, list[int]]

    def with_all(self, words: Sequence[str]) -> list[int]:
        """The sentences that have all of `words` (lower case)."""
        rarest = sorted((self.having[word] for word in words), key=len)
        return sorted(set(rarest[0]).intersection(*rarest[1:]))


def _read(order: Order) -> _Sentences:
    hay = order.hay.take(order.length, order.rng)
    text = lay(hay, [])[0]
    spans: list[Span] = []
    words: list[list[str]] = []
    having: dict[str, list[int]] = {}
    at = 0
    for piece in hay:
        body = piece.strip()
        start = at + len(piece) - len(piece.lstrip())
        at += len(piece)
        found = _WORD.findall(body)
        for word in {word.lower() for word in found}:
            having.setdefault(word, []).append(len(spans))
        spans.append((start, start + len(body)))
        words.append(found)
    return _Sentences(text, spans, words, having)


def _places(order: Order, read: _Sentences, turn: int) -> Iterator[int]:
    """Sentences of 5 words or more to try: near the depth on the first turn, else anywhere."""
    fit = [i for i, words in enumerate(read.words) if len(words) >= 5]
    middle = order.depth * (len(read.spans) - 1)
    if turn == 0:
        yield from heapq.nsmallest(_TRIES, fit, key=lambda i: abs(i - middle))
    elif fit:
        yield from (order.rng.choice(fit) for _ in range(_TRIES))


def _ask(order: Order, make: Callable[[_Sentences, int, random.Random], Question | None]) -> Made:
    """Up to four questions that `make` finds in a text."""
    read = _read(order)
    questions: dict[str, Question] = {}
    for turn in range(4):
        made = (make(read, place, order.rng) for place in _places(order, read, turn))
        if question := next(filter(None, made), None):
            questions[question.text] = instructed(question, order.rng)
    return read.text, [*questions.values(), *_in_vain(order, read)]


def _keywords(read: _Sentences, place: int, rng: random.Random) -> Question | None:
    chosen = _telling(read, place, rng)
    found = read.with_all([word.lower() for word in chosen]) if chosen else []
    if not 0 < len(found) <= _MOST:
        return None
    ask = rng.choice(_ASK_KEYWORDS).format(", ".join(chosen))
    return Question(ask, tuple(read.spans[i] for i in found), level="sentence")


def _telling(read: _Sentences, place: int, rng: random.Random) -> list[str]:
    """Content words of a sentence, one at a time until few sentences have them all."""
    content = sorted({w for w in read.words[place] if w.lower() not in STOPWORDS and len(w) > 2})
    rng.shuffle(content)
    chosen: list[str] = []
    for word in content:
        if word.lower() not in (other.lower() for other in chosen):
            chosen.append(word)
        if len(chosen) > 1 and len(read.with_all([w.lower() for w in chosen])) == 1:
            break
    return chosen


def _in_vain(order: Order, read: _Sentences) -> list[Question]:
    """Two words of the text that never share a sentence."""
    words = [w for w in read.having if w not in STOPWORDS and len(w) > 3]
    for _ in range(20):
        if len(words) < 2:
            break
        pair = order.rng.sample(words, 2)
        if not read.with_all(pair):
            return [
                Question(f"Which sentence has both {pair[0]} and {pair[1]}?", (), (), "sentence")
            ]
    return []


def _cloze(read: _Sentences, place: int, rng: random.Random) -> Question | None:
    start, end = read.spans[place]
    sentence = read.text[start:end]
    content = [
        match
        for match in _WORD.finditer(sentence)
        if match[0].lower() not in STOPWORDS and len(match[0]) > 2
    ]
    if len(content) < 3 or len(sentence) > 400:
        return None
    gap = rng.choice(content)
    before, after = sentence[: gap.start()], sentence[gap.end() :]
    others = {m[0].lower() for m in _WORD.finditer(before)} | {
        m[0].lower() for m in _WORD.finditer(after)
    }
    spans: list[Span] = []
    answers: dict[str, None] = {}
    for other in read.with_all(sorted(others)):
        a, b = read.spans[other]
        body = read.text[a:b]
        middle = body[len(before) : len(body) - len(after)]
        fits = body.startswith(before) and body.endswith(after) and _WORD.fullmatch(middle)
        if fits:
            spans.append((a, b))
            answers[middle] = None
    if not 0 < len(spans) <= _MOST:
        return None
    ask = rng.choice(_ASK_CLOZE).format(before + _GAP + after)
    return Question(ask, tuple(spans), tuple(answers), "sentence")


keywords = task("keywords", lambda order: _ask(order, _keywords))
cloze = task("cloze", lambda order: _ask(order, _cloze))
