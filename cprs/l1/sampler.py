"""Outputs of a policy, judged: groups to train on and accuracies to know."""

from __future__ import annotations

import random
from collections.abc import Sequence

from cprs.errors import OptionError
from cprs.l1.dynamic_sampling import Group
from cprs.l1.example import Example, Judged, Rollout
from cprs.l1.policy import Policy
from cprs.l1.prompt import Prompts
from cprs.l1.recipe import Recipe
from cprs.l1.reward.hybrid import Scorer
from cprs.l1.reward.shaping import overlong_penalty
from cprs.l1.rollout.base import Ask, Backend, Sampling
from cprs.l1.rollout.gap import sampler_gap
from cprs.l1.world import World, full_weights, whole


class Sampler:
    """Samples from `policy` by a recipe, each process its share. What is drawn depends on the
    recipe's seed, the step `at`, and the prompts. `stale` says that the policy has changed since
    the backend was last told; `gap`, how far it was from the policy then (`sampler_gap`)."""

    def __init__(
        self,
        policy: Policy,
        recipe: Recipe,
        *,
        backend: Backend,
        scorer: Scorer,
        world: World,
    ) -> None:
        self.scorer = scorer
        self.prompts = Prompts(
            policy.tokenizer,
            template=recipe.template,
            limit=recipe.prompt_limit or recipe.limits[-1] + 256,
            over=recipe.over,
            opening=recipe.opening,
        )
        self.at = 0
        self.stale = True
        self.gap: float | None = None
        self._policy = policy
        self._recipe = recipe
        self._backend = backend
        self._world = world

    def encodable(self, examples: Sequence[Example]) -> list[Example]:
        """Those whose prompts are within the limit."""
        return [example for example in examples if self.prompts.encode(example) is not None]

    def groups(self, examples: Sequence[Example]) -> list[Group]:
        """A group of judged outputs for each example."""
        mine = self._world.share(examples)
        outputs = self._generate(mine, self._recipe.group, salt="")
        accuracies = iter(self._accuracies(mine, outputs))
        made = []
        for example, rollouts in zip(mine, outputs, strict=True):
            judged = tuple(self._judged(rollout, next(accuracies)) for rollout in rollouts)
            made.append(Group(example, tuple(rollouts), judged))
        return self._world.join(made)

    def accuracy(self, examples: Sequence[Example], *, samples: int, salt: str) -> float:
        """The share of right outputs, `samples` to an example; `salt` makes the draw its own."""
        mine = self._world.share(self.encodable(examples))
        rights = self._accuracies(mine, self._generate(mine, samples, salt=salt))
        right, count = self._world.total([sum(rights), float(len(rights))])
        return right / max(count, 1)

    def _accuracies(
        self, examples: Sequence[Example], outputs: Sequence[Sequence[Rollout]]
    ) -> list[float]:
        asked = [one for one, group in zip(examples, outputs, strict=True) for _ in group]
        return self.scorer.score(asked, [one.text for group in outputs for one in group])

    def _judged(self, rollout: Rollout, accuracy: float) -> Judged:
        recipe, penalty = self._recipe, 0.0
        if recipe.overlong_buffer:
            penalty = overlong_penalty(
                len(rollout.ids), longest=recipe.longest, buffer=recipe.overlong_buffer
            )
        return Judged(accuracy, accuracy + penalty)

    def _generate(self, examples: Sequence[Example], n: int, *, salt: str) -> list[list[Rollout]]:
        recipe, compared = self._recipe, self.stale and self._backend.remote
        self._refresh()
        asks = [Ask(one.uid, self._within(one)) for one in examples]
        # A step may sample several times: the prompts themselves tell one from the other.
        uids = ",".join(ask.uid for ask in asks)
        name = f"{recipe.seed} {self.at} {self._world.rank} {salt} {uids}"
        seed = random.Random(name).randrange(2**31)
        sampling = Sampling(recipe.temperature, recipe.top_p, recipe.top_k, recipe.longest)
        # Also a process with nothing to sample gives its part of the weights to the others.
        with whole(self._policy, self._world):
            found = self._backend.generate(asks, sampling, n=n, seed=seed) if asks else []
            if compared:
                self.gap = sampler_gap(self._policy, found)
        return found

    def _within(self, example: Example) -> tuple[int, ...]:
        ids = self.prompts.encode(example)
        if ids is None:
            raise OptionError(
                f"example {example.uid!r}: its prompt is over the limit of"
                f" {self.prompts.limit:,} tokens: sample from those that are encodable"
            )
        return ids

    def _refresh(self) -> None:
        """Tell the backend of a policy that has changed; one on a server, by one process."""
        if not self.stale:
            return
        self.stale = False
        weights = None
        if self._backend.remote and self._world.size > 1:
            weights = full_weights(self._policy, self._world)
        self._backend.refresh(self._policy, weights, write=self._world.first)
        if self._backend.remote:
            self._world.wait()
