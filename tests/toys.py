"""A very small policy, its data and a recipe that runs in a second or two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cprs.l1.corpus import Data
from cprs.l1.demo.task import Shape, examples
from cprs.l1.demo.tokenizer import make_model, make_tokenizer
from cprs.l1.policy import Policy, make_policy
from cprs.l1.recipe import Recipe
from cprs.l1.rollout.base import Ask, Sampling
from cprs.l1.rollout.generate import Generate
from cprs.l1.trainer import Trainer

RECIPE = Recipe(
    template="short",
    sft_steps=3,
    sft_batch=8,
    sft_rate=3e-3,
    limits=(4, 40),
    steps=(3,),
    batch=4,
    mini=2,
    group=4,
    rounds=2,
    temperature=1.0,
    top_p=1.0,
    longest=8,
    overlong_buffer=2,
    rate=1e-3,
    retained=2,
    retention="weighted",
    micro_tokens=400,
    save=2,
    evaluate=2,
    gradient_checkpointing=False,
    reference="start",
)
TOKENIZER = make_tokenizer()


def policy(seed: int = 0, **options: Any) -> Policy:
    return make_policy(
        make_model(TOKENIZER, seed=seed, width=16, layers=1, heads=2), TOKENIZER, **options
    )


def data() -> Data:
    short = examples(Shape(2, 3), 10, seed=0, name="short")
    long = examples(Shape(5, 6), 10, seed=0, name="long")
    plain = [one.example for one in (*short, *long)]
    return Data(plain, short, {"short": plain[:2], "long": plain[-2:]})


class Half(Generate):
    """Samples as `Generate` does, but every other output is a right one: an untrained policy has
    mixed groups to learn from."""

    def __init__(self, rights: dict[str, str]) -> None:
        super().__init__()
        self.rights = rights
        self.seeds: list[int] = []

    def generate(self, asks: Sequence[Ask], sampling: Sampling, *, n: int, seed: int) -> Any:
        from dataclasses import replace

        self.seeds.append(seed)
        groups = super().generate(asks, sampling, n=n, seed=seed)
        end = TOKENIZER.eos_token_id
        for group in groups:
            for place in range(0, n, 2):
                text = self.rights[group[place].uid]
                ids = (*TOKENIZER.encode(text, add_special_tokens=False), end)
                group[place] = replace(group[place], ids=ids, text=text, finished=True)
        return groups


def half(of: Data) -> Half:
    return Half({e.uid: f"</think> the answer is {e.answers[0]}" for e in of.examples})


def trainer(folder: Path, recipe: Recipe = RECIPE, **options: Any) -> Trainer:
    given = options.pop("data", None) or data()
    backend = options.pop("backend", None) or half(given)
    made = options.pop("policy", None) or policy()
    return Trainer(made, recipe, given, folder, backend=backend, **options)
