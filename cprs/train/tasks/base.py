"""What all tasks share: the signature, one random stream a document, evidence at every depth."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from cprs.errors import OptionError
from cprs.train.sets.data import Document, Question
from cprs.train.tasks.haystack import Haystack

MIN_LENGTH = 1_000
"""Code points of the shortest text: less has no room for what must not be found."""

Made = tuple[str, Sequence[Question]]


class Task(Protocol):
    """A family of made-up documents.

    Yields `count` documents of `length` code points, give or take 5 %. Document i depends on
    `seed`, i, `count` and the options alone. `haystack` is the text around what is asked for,
    generated prose by default. `depth` in [0, 1] says where evidence sits; by default it is spread
    evenly over the documents, the very first and the very last place included.

    Raises `OptionError` for a number that has no meaning.
    """

    def __call__(
        self,
        *,
        seed: int,
        count: int,
        length: int,
        haystack: Haystack | None = None,
        depth: float | None = None,
    ) -> Iterator[Document]: ...


@dataclass(frozen=True, slots=True)
class Order:
    """One document to be made: its random stream, code points, depth of evidence, haystack."""

    rng: random.Random
    length: int
    depth: float
    hay: Haystack

    def few(self, per: int, *, most: int) -> int:
        """How many distractors: one for each `per` code points, at least 2, at most `most`."""
        return max(2, min(most, self.length // per))


def task(name: str, build: Callable[[Order], Made], *, context: str = "joined") -> Task:
    """A task from what makes one document's text and questions.

    `context`: "alone" where two such texts joined would answer each other's questions.
    """

    def generate(
        *,
        seed: int,
        count: int,
        length: int,
        haystack: Haystack | None = None,
        depth: float | None = None,
    ) -> Iterator[Document]:
        check(count=count, length=length, depth=depth)
        return _documents(seed, count, length, haystack or Haystack(), depth)

    def _documents(
        seed: int, count: int, length: int, hay: Haystack, depth: float | None
    ) -> Iterator[Document]:
        for number in range(count):
            rng = random.Random(f"{name}/{seed}/{number}")
            place = spread(number, count, rng) if depth is None else depth
            text, questions = build(Order(rng, length, place, hay))
            yield Document(
                id=f"{name}-{seed}-{number}",
                source=name,
                text=text,
                questions=tuple(_sorted(question) for question in questions),
                domain="synthetic",
                context=context,
            )

    return generate


def check(*, count: int, length: int, depth: float | None = None) -> None:
    """Raise `OptionError` for numbers that no task can follow."""
    if count < 1:
        raise OptionError(f"count must be at least 1, got {count}")
    if length < MIN_LENGTH:
        raise OptionError(f"length must be at least {MIN_LENGTH} code points, got {length}")
    if depth is not None and not 0 <= depth <= 1:
        raise OptionError(f"depth must be from 0 to 1, got {depth}")


def spread(number: int, count: int, rng: random.Random) -> float:
    """The depth of document `number` of `count`: first, last, then evenly between."""
    if count < 4:
        return rng.choice((0.0, 1.0, rng.random(), rng.random()))
    if number < 2:
        return float(number)
    return (number - 2 + rng.random()) / (count - 2)


def instructed(question: Question, rng: random.Random) -> Question:
    """The question as it is, or, one time in three, with an instruction around it."""
    if rng.random() > 1 / 3:
        return question
    instruction, label = rng.choice(_INSTRUCTIONS)
    labels = (label,) * len(question.evidence) if label else ()
    return replace(question, instruction=instruction, labels=labels)


def _sorted(question: Question) -> Question:
    """Evidence in text order, labels along with it; the order that files keep."""
    order = sorted(range(len(question.evidence)), key=lambda i: question.evidence[i])
    labels = tuple(question.labels[i] for i in order) if question.labels else ()
    return replace(question, evidence=tuple(question.evidence[i] for i in order), labels=labels)


_INSTRUCTIONS = (
    ("Extract what answers the question.", ""),
    ("Keep only the passages needed to answer.", ""),
    ("Find the supporting facts. Tag them with 'fact'.", "fact"),
    ("Mark everything that helps to answer as 'evidence'.", "evidence"),
    ("Label each part that holds the answer as 'answer'.", "answer"),
    ("Select what is relevant to the question and tag it with 'relevant'.", "relevant"),
)
