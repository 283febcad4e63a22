"""Instructions of which no word need stand in the text: all things, or all lines, of a kind."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from cprs.train.sets.data import Question
from cprs.train.tasks.base import Made, Order, task
from cprs.train.tasks.composed import Composed
from cprs.train.tasks.pages import page
from cprs.train.tasks.plant import Span
from cprs.train.tasks.reports import journal, report
from cprs.train.tasks.values import listed, pair
from cprs.train.tasks.wishes import WISHES, ask, ask_around, ask_tagged

Text = Callable[[Order], Composed]


def _chosen(order: Order, made: Composed, most: int) -> list[str]:
    """Kinds that are in the text, those at the place where evidence should be first."""
    rng = order.rng
    there = sorted({mark.kind for mark in made.marks} & set(made.wishes))
    if not there:
        return []
    edge = sorted(made.marks, key=lambda mark: abs(mark.start - order.depth * len(made.text)))
    first = next(mark.kind for mark in edge if mark.kind in there)
    rest = [kind for kind in there if kind != first]
    return [first, *rng.sample(rest, min(most - 1, len(rest)))]


def _missing(made: Composed) -> list[str]:
    there = {mark.kind for mark in made.marks}
    return [kind for kind in made.wishes if kind not in there]


def _mixed(order: Order) -> Composed:
    """A report, two times in three, or a log."""
    return report(order) if order.rng.random() < 2 / 3 else journal(order)


def _kinds(order: Order, text: Text) -> Made:
    """Up to four kinds asked for of a text, and one that is not there."""
    rng = order.rng
    made = text(order)
    questions = []
    absent = _missing(made)
    for kind in [*_chosen(order, made, 4), *rng.sample(absent, min(len(absent), 1))]:
        wish = made.wishes[kind]
        if not wish.whole and rng.random() < 0.3:
            asked = ask_around(wish, rng)
            questions.append(made.question(asked, made.around(kind), "sentence"))
        else:
            level = "line" if wish.whole else "span"
            questions.append(made.question(ask(wish, rng), made.of(kind), level))
    questions += _of_service(made, rng)
    return made.text, questions


_OF_SERVICE = (
    "Extract the {what} of the {service} service.",
    "Which {what} come from {service}?",
    "{service} {what}",
    "Keep all {what} that {service} wrote.",
)


def _of_service(made: Composed, rng: random.Random) -> list[Question]:
    """Errors, warnings or any lines of one service of a log."""
    kinds = sorted({mark.kind for mark in made.marks if "/" in mark.kind})
    questions = []
    for kind in rng.sample(kinds, min(2, len(kinds))):
        level, service = kind.split("/")
        what = "lines" if level == "any" else rng.choice(WISHES[level].many[:2])
        asked = rng.choice(_OF_SERVICE).format(what=what, service=service)
        questions.append(made.question(asked, made.of(kind), "line"))
    return questions


def _labelled(order: Order, text: Text, *, unseen: bool = False) -> Made:
    """Three times two to five kinds asked for at once, each with a label; one of them may not be
    there.

    Labels name the kind, or are a made-up word that only the instruction explains; or they are
    given beside an instruction that has none.
    """
    made = text(order)
    there = _chosen(order, made, 99)
    absent = _missing(made)
    questions: dict[str, Question] = {}
    for number in range(3):
        # The first is to ask for what lies at the place where evidence should be.
        whole = made.wishes[there[0]].whole if there and not number else order.rng.random() < 0.25
        first = [kind for kind in there[:1] if not number]
        more = [kind for kind in there[len(first) :] if made.wishes[kind].whole is whole]
        more = order.rng.sample(more, min(len(more), order.rng.randrange(1, 5)))
        asked = _apart(made, [*first, *more])
        others = [kind for kind in absent if made.wishes[kind].whole is whole]
        if others and (len(asked) < 2 or order.rng.random() < 0.3):
            asked.append(order.rng.choice(others))
        if len(asked) > 1:
            question = _tagged(order, made, asked, unseen)
            questions[question.text] = question
    if not questions:
        mentioned = [kind for kind, wish in made.wishes.items() if not wish.whole]
        question = _tagged(order, made, order.rng.sample(mentioned, 2), unseen)
        questions[question.text] = question
    return made.text, list(questions.values())


def _apart(made: Composed, kinds: list[str]) -> list[str]:
    """Those of `kinds` whose things are no part of another's: a thing has one label."""
    apart: list[str] = []
    taken: list[Span] = []
    for kind in kinds:
        spans = made.of(kind)
        if not any(a < d and c < b for a, b in spans for c, d in taken):
            apart.append(kind)
            taken += spans
    return apart


def _tagged(order: Order, made: Composed, asked: list[str], unseen: bool) -> Question:
    """One question that asks for some kinds, each with a label."""
    rng = order.rng
    rng.shuffle(asked)
    names: dict[str, str] = {}
    if not unseen and rng.random() < 0.2:
        # The words alone say what a label means.
        names = {made.wishes[kind].labels[0]: kind for kind in asked}
        head = rng.choice(("Extract ", "Find all ", "List the ", "Keep "))
        parts = [rng.choice(made.wishes[kind].many) for kind in asked]
        instruction = f"{head}{listed(parts)}."
    else:
        for kind in asked:
            wish = made.wishes[kind]
            free = [each for each in (wish.unseen if unseen else wish.labels) if each not in names]
            usual = bool(free) and rng.random() < 0.85
            names[rng.choice(free) if usual else _made_up(rng, unseen, names)] = kind
        instruction = " ".join(
            ask_tagged(made.wishes[kind], label, rng) for label, kind in names.items()
        )
    found = [(span, label) for label, kind in names.items() for span in made.of(kind)]
    return Question(
        instruction,
        tuple(span for span, _ in found),
        level="line" if made.wishes[asked[0]].whole else "span",
        instruction=instruction,
        labels=tuple(label for _, label in found),
    )


def _made_up(rng: random.Random, unseen: bool, taken: dict[str, str]) -> str:
    """A word that says nothing. The two halves of the alphabet never meet: one is for training
    alone."""
    while True:
        label = pair(rng).split("-")[1]
        if (label[0] > "m") is unseen and label not in taken:
            return label


instructed_kinds = task("instructed_kinds", partial(_kinds, text=_mixed), context="whole")
instructed_labels = task("instructed_labels", partial(_labelled, text=_mixed), context="whole")
instructed_labels_unseen = task(
    "instructed_labels_unseen", partial(_labelled, text=_mixed, unseen=True), context="whole"
)
page_kinds = task("page_kinds", partial(_kinds, text=page), context="whole")
page_labels = task("page_labels", partial(_labelled, text=page), context="whole")
