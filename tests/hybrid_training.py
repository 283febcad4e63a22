"""What tests of a hybrid's training share: a recipe for toy sets, and runs that are killed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cprs.train.reason.critic import train_critic
from cprs.train.reason.loop import Step
from cprs.train.reason.recipe import Recipe

RECIPE = Recipe(
    made_up=0,
    task_documents=0,
    hard_documents=0,
    random_windows=0,
    window=128,
    questions=2,
    rate=1e-2,
    base_rate=1e-2,
    warmup=0.0,
)


class Killed(Exception):
    """What ends a run in its middle."""


def kill_at(number: int) -> Callable[[Step], None]:
    """Ends a run behind its step of that number."""

    def kill(step: Step) -> None:
        if step.step == number:
            raise Killed

    return kill


def train_in_parts(sets: Path, base: Path, out: Path, recipe: Recipe, *, killed: int) -> None:
    """A run on a CPU that is killed behind a step, and resumed."""
    with pytest.raises(Killed):
        train_critic(sets, base, out, recipe, device="cpu", progress=kill_at(killed))
    train_critic(sets, base, out, resume=True, device="cpu")
