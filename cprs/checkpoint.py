"""Checkpoints: places inside long work at which it can be cancelled.

Whoever starts the work names the event that ends it; the loops of the work, which know nothing of
the caller, look at it every so often.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from cprs.errors import Cancelled

T = TypeVar("T")

EVERY = 1024
"""Steps of a loop between two checkpoints."""

_cancel: ContextVar[threading.Event | None] = ContextVar("cancel", default=None)


@contextmanager
def cancelled_by(event: threading.Event | None) -> Iterator[None]:
    """Inside the block, checkpoints of this thread end the work once `event` is set."""
    token = _cancel.set(event)
    try:
        yield
    finally:
        _cancel.reset(token)


def is_cancelled() -> bool:
    """Whether the work is to end."""
    event = _cancel.get()
    return event is not None and event.is_set()


def checkpoint() -> None:
    """Raises `Cancelled` where the work is to end."""
    if is_cancelled():
        raise Cancelled("cancelled: nothing was kept")


def cancellable(items: Iterable[T], *, every: int = EVERY) -> Iterator[T]:
    """The same items, with a checkpoint at every `every`th.

    >>> list(cancellable("abc"))
    ['a', 'b', 'c']
    """
    for number, item in enumerate(items):
        if not number % every:
            checkpoint()
        yield item
