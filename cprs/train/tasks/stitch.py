"""Documents of any question set, put into longer text so that evidence sits anywhere in it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace

from cprs.train.sets.data import Document, Question
from cprs.train.tasks.base import check, spread
from cprs.train.tasks.haystack import Haystack
from cprs.train.tasks.plant import Piece, lay


def stitch(
    documents: Iterable[Document],
    *,
    length: int,
    seed: int,
    haystack: Haystack | None = None,
    edge: int = 0,
) -> Iterator[Document]:
    """Each document inside `length` code points of unrelated text, its questions along with it.

    With `edge`, a question is drawn for each document and the text before it is trimmed until a
    multiple of `edge` code points falls within (or next to) its evidence: windows of that size
    then cut it in two. A document longer than `length` is left as it is. Texts are `length`
    long, give or take 5 %. Raises `OptionError` for a length that has no meaning.
    """
    check(count=1, length=length)
    hay = haystack or Haystack()
    for number, document in enumerate(documents):
        rng = random.Random(f"stitch/{seed}/{number}/{document.id}")
        room = length - len(document.text) - 4
        if room < 100:
            yield document
            continue
        sentences = hay.take(room, rng)
        depth = spread(number % 10, 10, rng)
        text, (span,) = lay(sentences, [Piece(document.text, depth, "paragraph")])
        shift = span[0]
        if edge and (cut := _excess(document, shift, edge, rng)):
            cut = min(cut, shift)
            text, shift = text[cut:], shift - cut
        yield replace(
            document,
            text=text,
            questions=tuple(_moved(question, shift) for question in document.questions),
        )


def _excess(document: Document, shift: int, edge: int, rng: random.Random) -> int:
    """Code points to drop at the front so that an edge falls inside some evidence."""
    spans = [span for question in document.questions for span in question.evidence]
    if not spans:
        return 0
    start, end = rng.choice(spans)
    middle = shift + (start + end) // 2
    return middle % edge if middle >= edge else 0


def _moved(question: Question, by: int) -> Question:
    return replace(question, evidence=tuple((a + by, b + by) for a, b in question.evidence))
