"""Question sets into training windows, and those into batches.

Of each question: windows with evidence, windows without that the prior likes best, and a few of
all the rest. The base reads each window once, in int8 as shipped; from then on a step of training
costs the reasoning layers alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cprs.critics.base import State
from cprs.critics.embedded_base import Base
from cprs.critics.features import NAMES
from cprs.critics.inquiry import TOKEN_FEATURES, Inquiry, Reading
from cprs.critics.packing import pack, unpack
from cprs.critics.prior import Prior
from cprs.critics.words import Pieces
from cprs.engine.cache import StateCache, key_of
from cprs.train.reason.choose import bounds_of, choose
from cprs.train.reason.dataset import IDS, Dataset, DatasetWriter
from cprs.train.reason.prompts import guidance_of
from cprs.train.reason.recipe import Recipe
from cprs.train.reason.targets import COARSE, targets_of
from cprs.train.sets.contexts import Context
from cprs.train.sets.data import Question
from cprs.windows import Window, cut_windows

CACHE = 1 << 30

T = TypeVar("T")


def prepare(
    contexts: Iterable[Context],
    base: Base,
    prior: Prior,
    recipe: Recipe,
    folder: Path,
    *,
    progress: Callable[[str], None] | None = None,
) -> Dataset:
    """Write the training windows of all questions of `contexts` into `folder`.

    Everything follows from the contexts and the recipe.
    """
    with DatasetWriter(folder, about_of(base, prior, recipe)) as writer:
        preparation = _Preparation(base, prior, recipe, writer)
        for number, context in enumerate(contexts, 1):
            preparation.add(context)
            if progress is not None:
                progress(f"context {number}, {context.source}: {preparation.samples} windows")
    return Dataset(folder)


def about_of(base: Base, prior: Prior, recipe: Recipe) -> dict[str, Any]:
    """What a prepared data set says of itself."""
    about = {
        "base": base.name,
        "prior": prior.digest,
        "recipe": recipe.data_digest,
        "width": base.width,
        "features": len(TOKEN_FEATURES),
        "passage_features": len(NAMES),
    }
    # A base that learns reads the windows again at every step.
    return {**about, IDS: True} if recipe.base_rate else about


class _Preparation:
    """Chooses windows and hands them to the writer."""

    def __init__(self, base: Base, prior: Prior, recipe: Recipe, writer: DatasetWriter) -> None:
        self.samples = 0
        self._contexts = 0
        self._base = base
        self._prior = prior
        self._recipe = recipe
        self._writer = writer
        self._pieces = Pieces(base.vocabulary)
        self._cache = StateCache(max_bytes=CACHE)
        self._written: dict[bytes, int] = {}
        self._rng = random.Random(recipe.seed)

    def add(self, context: Context) -> None:
        """All questions of one context."""
        self._contexts += 1
        bounds = bounds_of(context.text, self._contexts)
        windows = cut_windows(self._base.encode(context.text), bounds, size=self._base.window)
        if not windows:
            return
        with ThreadPoolExecutor() as pool:
            states = list(pool.map(self._read, windows))
            for question in context.questions:
                self._question(context, question, windows, states, pool)

    def _question(
        self,
        context: Context,
        question: Question,
        windows: list[Window],
        states: list[State],
        pool: ThreadPoolExecutor,
    ) -> None:
        guidance = guidance_of(question, self._rng, instructed=self._recipe.instructed)
        inquiry = Inquiry(self._base, self._prior, self._pieces, guidance, windows)

        def read(window: Window, state: State) -> Reading:
            return inquiry.read(window, unpack(state))

        readings = list(pool.map(read, windows, states))
        # Where things of one kind are asked for, they are its label.
        labels = guidance.labels or ("",) * len(inquiry.prompt.kinds)
        targets = targets_of(context, question, windows, labels=labels)
        number = self._writer.question(inquiry.prompt)
        odds = [reading.odds for reading in readings]
        for at, stands_for in choose(odds, targets, self._recipe, self._rng):
            self._writer.sample(
                self._window(windows[at], states[at]),
                number,
                windows[at].units,
                readings[at],
                targets[at],
                stands_for=stands_for,
                coarse=question.level in COARSE,
            )
            self.samples += 1

    def _read(self, window: Window) -> State:
        key = key_of(self._base.name, window)
        state = self._cache.get(key)
        if state is None:
            state = pack(self._base.read(window.token_ids))
            self._cache.put(key, state)
        return state

    def _window(self, window: Window, state: State) -> int:
        key = key_of(self._base.name, window)
        if key not in self._written:
            self._written[key] = self._writer.window(state, window.token_ids)
        return self._written[key]


def hold_out(questions: Sequence[T], *, share: float) -> tuple[list[T], list[T]]:
    """Questions to train on, and every (1 / `share`)th, which are not."""
    every = round(1 / share) if share else len(questions) + 1
    trained = [q for n, q in enumerate(questions, 1) if n % every]
    return trained, [q for n, q in enumerate(questions, 1) if n % every == 0]


class Schedule:
    """Which samples a step trains on: whole questions, in an order drawn anew every epoch.

    An epoch asks at most `most[source]` questions of a source, other ones each time; `sources`
    has each question's. A step's samples follow from its number alone, so a run that stopped goes
    on where it was.
    """

    def __init__(
        self,
        questions: Sequence[list[int]],
        *,
        per_step: int,
        seed: int,
        sources: Sequence[str] = (),
        most: Mapping[str, int] | None = None,
    ) -> None:
        self._questions = questions
        self._seed = seed
        numbers: dict[str, list[int]] = {}
        for number in range(len(questions)):
            numbers.setdefault(sources[number] if sources else "", []).append(number)
        limit = most or {}
        self._groups = [(of, limit.get(name, len(of))) for name, of in numbers.items()]
        asked = sum(min(len(of), room) for of, room in self._groups)
        self._per_step = min(per_step, asked)
        self.per_epoch = asked // self._per_step

    def __getitem__(self, step: int) -> list[int]:
        epoch, at = divmod(step, self.per_epoch)
        order = self._order(epoch)[at * self._per_step : (at + 1) * self._per_step]
        return [sample for question in order for sample in self._questions[question]]

    def steps(self, first: int, last: int) -> Iterator[tuple[int, list[int]]]:
        """Steps [first, last) and their samples."""
        for step in range(first, last):
            yield step, self[step]

    def _order(self, epoch: int) -> NDArray[np.int64]:
        rng = np.random.default_rng((self._seed, epoch))
        chosen = [rng.permutation(numbers)[:room] for numbers, room in self._groups]
        return rng.permutation(np.concatenate(chosen))
