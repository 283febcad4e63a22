"""A text that is nothing but records, all alike but for key and value; asked by key.

JSON pairs of UUIDs as in InfiniteBench (arXiv 2402.13718), lines as in LongEval (lmsys.org, 2023).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cprs.train.sets.data import Question
from cprs.train.tasks.hidden.base import Hidden, Order, Sheet
from cprs.train.tasks.key_values import ASK, LAYOUTS, draw_entries, write_entries
from cprs.train.tasks.lines import ASK_ROW, ROWS, write_rows
from cprs.train.tasks.plant import Span
from cprs.train.tasks.values import uuid4

Records = dict[str, tuple[str, Span]]


def record_sheets(order: Order) -> Iterator[Sheet]:
    """One sheet for each of `RECORD_TASKS` ordered."""
    for task in RECORD_TASKS:
        if not order.tasks or task in order.tasks:
            yield _sheet(order, task)


def _sheet(order: Order, task: str) -> Sheet:
    """The text, and a question about the record at each depth."""
    make, asks = _MAKE[task]
    text, records = make(order, order.length(lambda size: make(order, size)[0]))
    keys = list(records)
    hidden = []
    for depth in order.places:
        key = keys[round(depth * (len(keys) - 1))]
        answer, span = records[key]
        order.fits(task, text, [span])
        ask = order.draw(task, depth).choice(asks).format(key=key)
        hidden.append(Hidden(task, depth, Question(ask, (span,), (answer,), "line")))
    return Sheet(task, text, tuple(hidden))


def _key_value(order: Order, length: int) -> tuple[str, Records]:
    """One JSON object, a pair a line."""
    rng = order.draw("key_value")
    entries = draw_entries(LAYOUTS[0], length, uuid4, uuid4, rng)
    text, spans = write_entries(LAYOUTS[0], entries)
    return text, {key: (value, spans[key]) for key, value in entries.items()}


def _lines(order: Order, length: int) -> tuple[str, Records]:
    """Lines in the same words."""
    return write_rows(ROWS[0], length, order.draw("lines"))


_MAKE: dict[str, tuple[Callable[[Order, int], tuple[str, Records]], tuple[str, ...]]] = {
    "key_value": (_key_value, ASK),
    "lines": (_lines, ASK_ROW),
}
RECORD_TASKS = tuple(_MAKE)
