"""Long contexts with questions in them, built from short documents.

*Joined*: documents of one set, shuffled and joined, each question asked over all of them.
*Alone*: where a question only makes sense inside its document (a meeting, a paper, a story), that
document at a random place in unrelated text. *Whole*: where any other text could hold what is asked
for ("every date"), that document and nothing else. Everything follows from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cprs.errors import OptionError
from cprs.train.sets.data import UNKNOWN_EVIDENCE, Document, Question

SIZE = 200_000
"""Code points in a context: about 50K tokens."""

PER_CONTEXT, PER_DOCUMENT = 12, 4
"""Questions asked of a joined context, and of one around a document that stands alone, before
the next one is built; more where a set has few."""

_GAP = "\n\n"
_ALONE = (
    "babi",
    "bamboo",
    "contractnli",
    "covid_qa",
    "evidence_inference",
    "expmrc_race",
    "fairytaleqa",
    "friendsqa",
    "loogle",
    "policyqa",
    "qmsum",
)


@dataclass(frozen=True, slots=True)
class Context:
    """A long text and the questions asked over it; their evidence as code points into it."""

    source: str
    language: str
    text: str
    questions: tuple[Question, ...]


def is_alone(document: Document) -> bool:
    """Whether its questions only make sense inside it: as it says, or by its set's name."""
    if document.context:
        return document.context == "alone"
    return document.source.startswith(_ALONE)


def build_contexts(
    documents: Sequence[Document],
    *,
    haystack: str = "",
    queries: int = 24,
    per_context: int = PER_CONTEXT,
    per_document: int = PER_DOCUMENT,
    size: int = SIZE,
    seed: int = 0,
    negatives: bool = False,
) -> Iterator[Context]:
    """Contexts of `size` code points with `queries` questions together, where there are as many.

    `per_context` questions are asked of one joined context before the next is built, and
    `per_document` of one around a document that stands alone.
    `haystack` is the unrelated text around documents that stand alone. Questions without evidence
    are asked only with `negatives`. Raises `OptionError` where a haystack is needed and missing.
    """
    rng = random.Random(seed)
    documents = list(documents)
    rng.shuffle(documents)
    contexts: Iterator[Context]
    if documents and documents[0].context == "whole":
        contexts = (_join([document]) for document in documents)
        each = max(per_document, -(-queries // len(documents)))
    elif documents and is_alone(documents[0]):
        if not haystack:
            raise OptionError(
                f"{documents[0].source}: its questions need unrelated text around their document: "
                "give a haystack file"
            )
        contexts = _alone(documents, haystack, size, rng)
        each = max(per_document, -(-queries // len(documents)))
    else:
        joined = list(_joined(documents, size))
        contexts = iter(joined)
        each = max(per_context, -(-queries // max(len(joined), 1)))
    left = queries
    for context in contexts:
        askable = [
            question
            for question in context.questions
            if question.level != UNKNOWN_EVIDENCE and (question.evidence or negatives)
        ]
        asked = rng.sample(askable, min(each, left, len(askable)))
        if asked:
            yield replace(context, questions=tuple(asked))
            left -= len(asked)
        if left <= 0:
            return


def _joined(documents: Sequence[Document], size: int) -> Iterator[Context]:
    """Fill contexts with whole documents, each used once; 10 % more or less than `size`."""
    waiting = list(documents)
    while waiting:
        chosen: list[Document] = []
        skipped: list[Document] = []
        length = 0
        for i, document in enumerate(waiting):
            if length + len(document.text) <= 1.1 * size or not chosen:
                chosen.append(document)
                length += len(document.text) + len(_GAP)
            else:
                skipped.append(document)
            if length >= 0.9 * size:
                skipped.extend(waiting[i + 1 :])
                break
        waiting = skipped
        yield _join(chosen)


def _join(documents: Sequence[Document]) -> Context:
    parts: list[str] = []
    questions: list[Question] = []
    at = 0
    for document in documents:
        questions.extend(_shift(question, at) for question in document.questions)
        parts += [document.text, _GAP]
        at += len(document.text) + len(_GAP)
    return Context(
        source=documents[0].source,
        language=documents[0].language,
        text="".join(parts[:-1]),
        questions=tuple(questions),
    )


def _alone(
    documents: Sequence[Document], haystack: str, size: int, rng: random.Random
) -> Iterator[Context]:
    for document in documents:
        around = max(size - len(document.text), 0)
        # The hay starts at the same place each time, so that what was read of it once serves all.
        hay = haystack[:around]
        cut = _paragraph_border(hay, rng.randrange(len(hay) + 1))
        before, after = hay[:cut].rstrip("\n"), hay[cut:].lstrip("\n")
        head = before + _GAP if before else ""
        tail = _GAP + after if after else ""
        yield Context(
            source=document.source,
            language=document.language,
            text=head + document.text + tail,
            questions=tuple(_shift(question, len(head)) for question in document.questions),
        )


def _paragraph_border(text: str, near: int) -> int:
    for border in ("\n\n", "\n", " "):
        found = text.rfind(border, 0, near)
        if found >= 0:
            return found
    return 0


def _shift(question: Question, by: int) -> Question:
    return replace(question, evidence=tuple((a + by, b + by) for a, b in question.evidence))
