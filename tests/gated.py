"""A critic whose batches begin and end as a test says, so that order is seen without clocks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np

from cprs.critics.base import State, TokenScores
from cprs.critics.lexical import LexicalCritic
from cprs.guidance import Guidance
from cprs.windows import Encoded, Window

LENGTH = 250
PATIENT = 60.0
"""Seconds a test waits for what happens at once unless something is wrong."""


def until(happened: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENT / 0.002)):
        if happened():
            return
        pause.wait(0.002)
    raise AssertionError("it did not happen")


class Gated:
    """A critic that begins a batch whenever it is asked to and ends it when it is let."""

    name = "gated"
    window = LENGTH
    threshold = 0.5

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.fails = False
        self._changed = threading.Condition()
        self._permits = 0

    def encode(self, text: str) -> Encoded:
        return LexicalCritic().encode(text)

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> Even:
        return Even()

    def read(self, windows: Sequence[Window]) -> list[State]:
        if not windows:
            return []
        with self._changed:
            self.begun.append(int(windows[0].token_ids[0]))
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._permits > 0, PATIENT)
            self._permits -= 1
        if self.fails:
            raise ArithmeticError("cannot read this")
        # Nothing to keep: what is read again waits again.
        return [() for _ in windows]

    def let(self, batches: int) -> None:
        with self._changed:
            self._permits += batches
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        """Until so many batches have begun."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.begun) >= count, PATIENT), self.begun


class Echo:
    """Scores tokens by their ids."""

    warnings: tuple[str, ...] = ()

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        assert len(windows) == len(states)
        return [TokenScores(window.token_ids.astype(np.float32)) for window in windows]


class Even:
    """Scores all tokens the same."""

    warnings: tuple[str, ...] = ()

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        return [TokenScores(np.full(len(window), 0.5, np.float32)) for window in windows]
