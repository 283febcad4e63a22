"""Long texts with something hidden at every depth, and the questions that ask for it.

>>> from cprs.train.tasks.hidden import Order, sheets
>>> order = Order(tokens=4_000, count=lambda text: len(text.split()), tasks=("passkey",))
>>> sheet = next(sheets(order))
>>> start, end = sheet.hidden[0].question.evidence[0]
>>> sheet.hidden[0].question.answers[0] in sheet.text[start:end]
True
"""

from __future__ import annotations

from collections.abc import Iterator

from cprs.train.tasks.hidden.base import Hidden, Order, Sheet
from cprs.train.tasks.hidden.prose import PROSE_TASKS, prose_sheets
from cprs.train.tasks.hidden.records import RECORD_TASKS, record_sheets

__all__ = ["HIDDEN_TASKS", "Hidden", "Order", "Sheet", "sheets"]

HIDDEN_TASKS = (*PROSE_TASKS, *RECORD_TASKS)
"""The names of all tasks."""


def sheets(order: Order) -> Iterator[Sheet]:
    """The texts of an order, one at a time: what hides in prose, then in records.

    Raises `OptionError` for what has no meaning, and where the budget is smaller than what a
    question needs.
    """
    order.check(HIDDEN_TASKS)
    yield from prose_sheets(order)
    yield from record_sheets(order)
