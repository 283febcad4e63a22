"""Instructions over articles: the terms of a subject, or all of them."""

from __future__ import annotations

from cprs.train.tasks import subjects
from cprs.train.tasks.base import Made, Order, task
from cprs.train.tasks.composed import Block, compose, ended, prose
from cprs.train.tasks.marked import Marked
from cprs.train.tasks.wishes import WISHES, ask, ask_around

_ABOUT = (
    "Extract the keywords about {subject}.",
    "List all technical terms of {subject}.",
    "key phrases on {subject}",
    "Which terms have to do with {subject}?",
)


def _terms(order: Order) -> Made:
    """Articles on one or two subjects amid prose on nothing; their terms are asked for."""
    rng = order.rng
    chosen = rng.sample(sorted(subjects.SUBJECTS), rng.randrange(1, 3))
    hay = prose(order)
    marks_of: dict[str, str] = {}
    for subject in chosen:
        marks_of |= dict.fromkeys(subjects.SUBJECTS[subject], subject)

    def block() -> Block:
        if rng.random() < 0.3:
            return [Marked(next(hay)) for _ in range(rng.randrange(1, 4))], " "
        return subjects.article(rng, rng.choice(chosen), rng.randrange(3, 8)), " "

    end = ended(order, block, lambda: subjects.article(rng, chosen[0], 1)[0])
    made = compose(order, end)
    wish = WISHES["keyphrase"]
    spans = made.of("keyphrase")
    questions = [
        made.question(ask(wish, rng), spans, "span"),
        made.question(ask_around(wish, rng), made.around("keyphrase"), "sentence"),
    ]
    for subject in chosen:
        own = [(a, b) for a, b in spans if marks_of.get(made.text[a:b].lower()) == subject]
        own = own or [(a, b) for a, b in spans if made.text[a:b] in subjects.SUBJECTS[subject]]
        asked = rng.choice(_ABOUT).format(subject=subject)
        questions.append(made.question(asked, own, "span"))
    other = rng.choice([subject for subject in subjects.SUBJECTS if subject not in chosen])
    questions.append(made.question(rng.choice(_ABOUT).format(subject=other), (), "span"))
    return made.text, questions


instructed_terms = task("instructed_terms", _terms, context="whole")
