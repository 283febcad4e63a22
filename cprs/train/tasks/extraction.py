"""Instructions instead of questions: all of one kind, or several kinds each with its label."""

from __future__ import annotations

from collections.abc import Sequence

from cprs.train.sets.data import Question
from cprs.train.tasks.base import Made, Order, task
from cprs.train.tasks.kinds import KINDS, Kind
from cprs.train.tasks.plant import Piece, Span, plant
from cprs.train.tasks.values import pair

_EXTRACT = (
    "Extract all {what}.",
    "Extract every one of the {what} in the text.",
    "Find the {what}.",
    "List all {what} that occur.",
    "Keep only the {what}.",
)
_LIKE = "Extract the {what} like `{like}`."
_TAG = (
    "Tag the {what} with '{label}'.",
    "Mark all {what} as '{label}'.",
    "Label the {what} with '{label}'.",
)

Found = dict[str, tuple[tuple[str, ...], tuple[Span, ...]]]


def _formats(order: Order) -> Made:
    """Two to four kinds in one text, each asked for alone; one that is not there."""
    text, kinds, found = _scatter(order)
    questions = []
    for kind in [*kinds, _absent(order, kinds)]:
        how = order.rng.choice((*_EXTRACT, _LIKE, _LIKE) if kind.like else _EXTRACT)
        instruction = how.format(what=order.rng.choice(kind.names), like=kind.like)
        answers, spans = found.get(kind.name, ((), ()))
        questions.append(Question(instruction, spans, answers, _level(kind), instruction))
    return text, questions


def _labelled(order: Order, *, unseen: bool) -> Made:
    """Two to four kinds asked for at once, each with a label; one of them may not be there.

    Labels name the kind, or are a made-up word that only the instruction explains.
    """
    rng = order.rng
    text, kinds, found = _scatter(order)
    asked = [*kinds, _absent(order, kinds)] if rng.random() < 0.3 else kinds
    asked = rng.sample(asked, len(asked))
    parts: list[str] = []
    spans: list[Span] = []
    labels: list[str] = []
    answers: list[str] = []
    for kind in asked:
        if rng.random() < 0.2:
            # The two halves of the alphabet never meet: one is for training alone.
            label = pair(rng).split("-")[1]
            while (label[0] > "m") is not unseen or label in parts:
                label = pair(rng).split("-")[1]
        else:
            label = rng.choice(kind.unseen if unseen else kind.labels)
        parts.append(rng.choice(_TAG).format(what=rng.choice(kind.names), label=label))
        said, where = found.get(kind.name, ((), ()))
        answers += said
        spans += where
        labels += [label] * len(where)
    instruction = " ".join(parts)
    return text, [
        Question(instruction, tuple(spans), tuple(answers), "span", instruction, tuple(labels))
    ]


def _scatter(order: Order) -> tuple[str, list[Kind], Found]:
    """A text with 1 to 4 things of each of two to four kinds, and where they are."""
    rng = order.rng
    kinds = rng.sample(_possible(order), 2 if order.length < 2_000 else rng.randrange(2, 5))
    pieces: list[Piece] = []
    inside: list[tuple[str, str, int]] = []
    for kind in kinds:
        for thing in {kind.make(rng): None for _ in range(rng.randrange(1, 5))}:
            carrier = rng.choice(kind.carriers)
            depth = rng.random() if pieces else order.depth
            pieces.append(Piece(carrier.format(thing), depth, kind.style))
            inside.append((kind.name, thing, carrier.index("{}")))
    text, places = plant(pieces, order, plain=True)
    found: Found = {}
    for (name, thing, shift), (start, _) in zip(inside, places, strict=True):
        answers, spans = found.get(name, ((), ()))
        span = (start + shift, start + shift + len(thing))
        found[name] = (*answers, thing), (*spans, span)
    return text, kinds, found


def _possible(order: Order) -> list[Kind]:
    # In text that others wrote people have names that nobody has marked.
    return [kind for kind in KINDS if kind.name != "person" or order.hay.generated]


def _absent(order: Order, kinds: Sequence[Kind]) -> Kind:
    return order.rng.choice([kind for kind in _possible(order) if kind not in kinds])


def _level(kind: Kind) -> str:
    return "line" if kind.style == "line" else "span"


extract_format = task("extract_format", _formats, context="whole")
extract_labels = task("extract_labels", lambda o: _labelled(o, unseen=False), context="whole")
extract_labels_unseen = task(
    "extract_labels_unseen", lambda o: _labelled(o, unseen=True), context="whole"
)
