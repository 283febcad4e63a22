"""A conversation over many topics: which came first, last, third, or right after another."""

from __future__ import annotations

from cprs.train.sets.data import Question
from cprs.train.tasks.base import Made, Order, task
from cprs.train.tasks.plant import Draft
from cprs.train.tasks.values import TOWNS, distinct, pair

_SUBJECTS = (
    "the history of the {pair}",
    "how to look after a {pair}",
    "the road to {town} by way of the {pair}",
    "the price of a {pair}",
    "what people in {town} think of the {pair}",
)
_OPEN = (
    "User: I would like to talk about {topic}.",
    "User: Next, let us turn to {topic}.",
    "User: Now something else: {topic}.",
)
_REPLY = (
    "Assistant: Gladly. {hay}",
    "Assistant: There is much to say. {hay}",
    "User: Go on. {hay}",
    "Assistant: One more thing. {hay}",
)
_ORDINALS = ("first", "second", "third", "fourth", "fifth")


def _build(order: Order) -> Made:
    rng = order.rng
    turns = rng.randrange(2, 4)
    expected = max(3, order.length // (turns * 200) + 2)
    names = distinct(pair, min(expected, 4_000), rng)
    draft = Draft()
    topics: list[tuple[str, tuple[int, int]]] = []
    hay = order.hay.flow(rng)
    least = min(1_000, order.length // 4)
    while order.length - draft.length > 100 and len(topics) < len(names):
        subject = rng.choice(_SUBJECTS)
        topic = subject.format(pair=names[len(topics)], town=rng.choice(TOWNS))
        topics.append((topic, draft.add(rng.choice(_OPEN).format(topic=topic))))
        draft.add("\n")
        # Few names and a long text: longer replies.
        until = max(draft.length + least // 3, order.length * len(topics) // len(names))
        while draft.length < min(until, order.length - 60):
            draft.add(
                rng.choice(_REPLY).format(hay=next(hay))[: order.length - draft.length] + "\n"
            )
    if (left := order.length - draft.length) > 12:
        rest = "Assistant:"
        while len(rest) < left:
            rest += f" {next(hay)}"
        draft.add(rest[:left])
    places = {ordinal: place for place, ordinal in enumerate(_ORDINALS) if place < len(topics)}
    places["last"] = len(topics) - 1
    after = min(round(order.depth * (len(topics) - 1)), len(topics) - 2)
    ordinal = "last" if order.depth > 0.9 else rng.choice(sorted(places))
    asked = topics[after]
    following = topics[after + 1]
    questions = [
        Question(
            f"What was the {ordinal} topic we discussed?",
            (topics[places[ordinal]][1],),
            (topics[places[ordinal]][0],),
            "turn",
        ),
        Question(
            f"Which topic did we turn to right after {asked[0]}?",
            (asked[1], following[1]),
            (following[0],),
            "turn",
        ),
        Question(f"Where do we begin to talk about {asked[0]}?", (asked[1],), (asked[0],), "turn"),
    ]
    absent = pair(rng)
    while absent in names:
        absent = pair(rng)
    questions.append(Question(f"What did we say about the {absent}?", (), (), "turn"))
    return draft.text(), questions


topic_lines = task("topic_lines", _build, context="alone")
