"""Question sets into a hybrid's training windows.

Which of a question's windows are trained on is decided as for the embedded critic, by what the
embedded critic itself makes of their sentences.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cprs.critics.base import TokenCritic
from cprs.critics.hybrid.prompt import roles_prompt
from cprs.critics.hybrid.tokens import Tokens
from cprs.critics.hybrid.window import content, room
from cprs.engine.cache import StateCache
from cprs.engine.local import LocalEngine
from cprs.errors import OptionError
from cprs.guidance import Guidance
from cprs.select import unit_scores
from cprs.train.hybrid.dataset import Dataset, DatasetWriter
from cprs.train.reason.choose import bounds_of, choose
from cprs.train.reason.prompts import guidance_of
from cprs.train.reason.recipe import Recipe
from cprs.train.reason.targets import COARSE, targets_of
from cprs.train.sets.contexts import Context
from cprs.units import IntArray, Units
from cprs.windows import Encoded, Window, cut_windows

CACHE = 1 << 30


def prepare(
    contexts: Iterable[Context],
    tokens: Tokens,
    miner: TokenCritic,
    recipe: Recipe,
    folder: Path,
    *,
    base: str,
    progress: Callable[[str], None] | None = None,
) -> Dataset:
    """Write the training windows of all questions of `contexts` into `folder`.

    `miner` says which windows without evidence look most like it. `base` names the weights
    that will read them. Raises `OptionError` where there is nothing to train on.
    """
    about = {
        "base": base,
        "miner": miner.name,
        "recipe": recipe.data_digest,
        "window": recipe.window,
    }
    with DatasetWriter(folder, about) as writer:
        preparation = _Preparation(tokens, miner, recipe, writer)
        for number, context in enumerate(contexts, 1):
            preparation.add(context)
            if progress is not None:
                progress(f"context {number}, {context.source}: {preparation.samples} windows")
        if not preparation.samples:
            raise OptionError("nothing to train on: the sets hold no question with known evidence")
    return Dataset(folder)


class _Preparation:
    """Chooses windows and hands them to the writer."""

    def __init__(
        self, tokens: Tokens, miner: TokenCritic, recipe: Recipe, writer: DatasetWriter
    ) -> None:
        self.samples = 0
        self._contexts = 0
        self._tokens = tokens
        self._miner = miner
        self._engine = LocalEngine(miner, cache=StateCache(max_bytes=CACHE))
        self._recipe = recipe
        self._writer = writer
        self._rng = random.Random(recipe.seed)

    def add(self, context: Context) -> None:
        """All questions of one context."""
        self._contexts += 1
        bounds = bounds_of(context.text, self._contexts)
        size = content(self._recipe.window)
        windows = cut_windows(self._tokens.encode(context.text), bounds, size=size)
        encoded = self._miner.encode(context.text)
        mined = cut_windows(encoded, bounds, size=self._miner.window)
        written: dict[int, int] = {}
        for question in context.questions if windows else ():
            guidance = guidance_of(question, self._rng, instructed=self._recipe.instructed)
            scores = self._scores(guidance, encoded, mined, bounds)
            targets = targets_of(context, question, windows, labels=guidance.labels)
            likely = [scores[passages_of(window, bounds)] for window in windows]
            prompt = roles_prompt(self._tokens, guidance, room=room(self._recipe.window))
            number = self._writer.question(prompt)
            for at, stands_for in choose(likely, targets, self._recipe, self._rng):
                if at not in written:
                    written[at] = self._writer.window(windows[at])
                self._writer.judge(
                    written[at],
                    number,
                    targets[at],
                    stands_for=stands_for,
                    coarse=question.level in COARSE,
                )
                self.samples += 1

    def _scores(
        self, guidance: Guidance, encoded: Encoded, windows: Sequence[Window], bounds: IntArray
    ) -> NDArray[np.float32]:
        """What the miner makes of every passage of the context."""
        scorer = self._miner.ask(guidance, windows)
        keep = [scores.keep for _, scores in self._engine.run(windows, scorer)]
        flat = np.concatenate([np.zeros(0, np.float32), *keep])
        return unit_scores(Units.uniform(bounds, "passage"), encoded, flat)


def passages_of(window: Window, bounds: IntArray) -> IntArray:
    """The passage (u,) of the text, between `bounds`, that each of a window's is or is part of."""
    start = window.offsets[window.units[:, 0], 0]
    found: IntArray = np.searchsorted(bounds, start, side="right") - 1
    return found
