"""The loop of QwenLong-L1: warm-up, then phase after phase, hard examples of one again in the next.

On a CPU a run that was stopped and resumed gives the losses of one that was not, bit for bit: what
is drawn depends on the recipe's seed and the step alone, and a checkpoint holds all else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cprs.l1 import behaviours
from cprs.l1.checkpoint import check_fit, load_checkpoint, save_checkpoint
from cprs.l1.corpus import Data
from cprs.l1.curriculum import Phase, check_phase, check_size, curriculum, flat
from cprs.l1.dynamic_sampling import Sampled, sample
from cprs.l1.example import Example, by_uid
from cprs.l1.learner import Learner, Learnt
from cprs.l1.policy import Policy, frozen, save_policy
from cprs.l1.recipe import Recipe
from cprs.l1.record import Record, Row
from cprs.l1.retrospective import Retained, Tracker, retain
from cprs.l1.reward.hybrid import Scorer
from cprs.l1.rollout.base import Backend
from cprs.l1.rollout.gap import BOUND
from cprs.l1.rows import Counted, row_of
from cprs.l1.sampler import Sampler
from cprs.l1.sft import encode_triplets
from cprs.l1.stream import Stream
from cprs.l1.world import (
    World,
    full_optimizer,
    full_weights,
    set_optimizer,
    set_weights,
    spread,
)

POLICY = "policy"
RETENTION = "retention.jsonl"


@dataclass(frozen=True, slots=True)
class At:
    """Where a run stands: the `stage` (0 is the warm-up, then the phases' numbers) and the next
    `step` in it; steps done in `total`; examples `taken` from the stage's stream."""

    stage: int
    step: int = 0
    total: int = 0
    taken: int = 0


class Trainer:
    """A run of a recipe on a policy, into `folder`; `run` does all of it.

    `counted` counts behaviours in a step's outputs. `say` is told what happens, `progress` of every
    step. `resume` goes on from the checkpoint in `folder`. Raises `OptionError` where a phase is
    smaller than a batch, before anything is done.
    """

    def __init__(
        self,
        policy: Policy,
        recipe: Recipe,
        data: Data,
        folder: Path,
        *,
        backend: Backend,
        scorer: Scorer | None = None,
        counted: Counted = behaviours.mean,
        world: World | None = None,
        resume: bool = False,
        board: bool = False,
        say: Callable[[str], None] | None = None,
        progress: Callable[[Row], None] | None = None,
    ) -> None:
        self.policy = policy
        self.recipe = recipe
        self.data = data
        self.folder = folder
        self.world = world or World()
        self._say = say if say is not None and self.world.first else lambda _: None
        self._progress = progress or (lambda _: None)
        # One process writes the record, so one counts.
        self._counted = counted if self.world.first else behaviours.mean
        scorer = scorer or Scorer(rule=recipe.rule, thinking=recipe.thinking)
        self.sampler = Sampler(policy, recipe, backend=backend, scorer=scorer, world=self.world)
        self.phases = self._plan()
        self._held_out = self._measurable()
        folder.mkdir(parents=True, exist_ok=True)
        self.learner = Learner(policy, recipe, folder, self.world)
        self._twin = self._copy() if recipe.reference == "start" else None
        spread(policy, self.world)
        self.tracker = Tracker()
        self.retained: tuple[str, ...] = ()
        self._start: dict[str, Any] | None = None
        self._at = At(0 if recipe.sft_steps else recipe.first_phase)
        if resume:
            self._resume()
        self._record: Record | None = None
        if self.world.first:
            self._record = Record(folder, last=self._at.total, board=board)

    def run(self) -> None:
        """SFT, phase 1, retention, phase 2, ...; then the policy is written to `policy/`."""
        if self._at.stage == 0:
            self._warm_up()
        for phase in self.phases:
            if phase.number >= self._at.stage:
                self._phase(phase, self.recipe.phase_steps[phase.number - 1])
        weights = full_weights(self.policy, self.world)
        if self._record is not None:
            # Of LoRA, peft finds the adapters among them.
            save_policy(self.policy, self.folder / POLICY, weights)
            self._record.close()
        self.world.wait()

    def _warm_up(self) -> None:
        """SFT on triplets (eq. 11)."""
        recipe = self.recipe
        pairs = encode_triplets(self.policy, self.data.triplets, self.sampler.prompts)
        check_size("the warm-up", len(pairs), recipe.sft_batch)
        if self._at.step == 0:
            self._measure("before warm-up")
            self.learner.begin(recipe.sft_rate)
        stream = Stream(pairs, seed=recipe.seed, taken=self._at.taken)
        last = recipe.sft_steps
        while self._at.step < last:
            batch = [next(stream) for _ in range(recipe.sft_batch)]
            learnt = self.learner.imitate(batch, step=self._at.step)
            if learnt.loss <= recipe.sft_enough:
                last = self._at.step + 1
            self._done("sft", last, learnt, stream.taken)
        self._end("after warm-up", following=recipe.first_phase)

    def _phase(self, phase: Phase, steps: int) -> None:
        """GRPO or DAPO on the phase's examples and those retained from the one before."""
        recipe = self.recipe
        name = f"phase {phase.number}"
        if self._at.step == 0:
            self._keep_start(phase)
            self.retained = self._retain(phase).uids
            self._measure(f"before {name}")
            self.tracker = Tracker()
            self.learner.begin(recipe.rate)
        pool = self._pool(phase)
        stream = Stream(pool, seed=recipe.seed + 7919 * phase.number, taken=self._at.taken)
        while self._at.step < steps:
            sampled = sample(
                stream,
                self.sampler.groups,
                groups=recipe.batch,
                rounds=recipe.rounds,
                dynamic=recipe.dynamic,
            )
            for group in sampled.groups:
                self.tracker.record(group.example.uid, [one.accuracy for one in group.judged])
            learnt = self._learn(sampled, name)
            self._done(name, steps, learnt, stream.taken, sampled)
        self._end(f"after {name}", following=phase.number + 1)

    def _learn(self, sampled: Sampled, name: str) -> Learnt:
        if sampled.kept:
            return self.learner.reinforce(sampled.kept, step=self._at.step)
        self._say(
            f"{name}, step {self._at.step + 1}: none of {len(sampled.groups)} groups is mixed"
            f" ({sampled.right} all right, {sampled.wrong} all wrong): no update"
        )
        return Learnt(0, 0.0, 0.0)

    def _retain(self, phase: Phase) -> Retained:
        """Hard examples of the phase before (eq. 10), written down with their accuracies."""
        recipe = self.recipe
        before = next((one for one in self.phases if one.number == phase.number - 1), None)
        if recipe.retention == "none" or before is None or phase.number <= recipe.first_phase:
            return Retained((), {}, 0)
        means = self._as_it_began(before) if recipe.scorer == "base" else self.tracker.means()
        found = retain(
            means,
            count=recipe.retained,
            seed=recipe.seed + phase.number,
            mode=recipe.retention,
            floor=recipe.floor,
            replace=recipe.retain_twice,
        )
        self._say(
            f"phase {phase.number}: {len(found.uids)} hard examples retained of {len(means)} seen,"
            f" {found.hopeless} of which nobody got right"
        )
        if self.world.first:
            line = {
                "phase": phase.number,
                "mode": recipe.retention,
                "candidates": found.candidates,
                "hopeless": found.hopeless,
                "uids": found.uids,
                "means": [means[uid] for uid in found.uids],
            }
            self._write_retained(line)
        return found

    def _write_retained(self, line: dict[str, Any]) -> None:
        """In place of what an earlier run, or this one before it was resumed, wrote of the phase
        and those behind it."""
        path = self.folder / RETENTION
        before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [one for one in before if json.loads(one)["phase"] < line["phase"]]
        path.write_text("\n".join([*kept, json.dumps(line)]) + "\n", encoding="utf-8")

    def _as_it_began(self, phase: Phase) -> dict[str, float]:
        """Mean accuracies, on all of a phase, of the policy that the phases began with."""
        now = full_weights(self.policy, self.world)
        set_weights(self.policy, self._start or now, self.world)
        self.sampler.stale = True
        groups = self.sampler.groups(self.sampler.encodable(phase.examples))
        set_weights(self.policy, now, self.world)
        self.sampler.stale = True
        return {group.example.uid: group.accuracy for group in groups}

    def _plan(self) -> tuple[Phase, ...]:
        """The phases to train, none smaller than a batch; no phases without examples."""
        recipe, prompts = self.recipe, self.sampler.prompts
        if not self.data.examples:
            return ()
        made = curriculum(self.data.examples, recipe.limits, tokens=prompts.tokens)
        if not recipe.curriculum:
            made = flat(made)
        if made.beyond:
            self._say(f"{len(made.beyond)} examples are longer than the last limit: left out")
        ours = made.phases[recipe.first_phase - 1 :]
        sizes = [len(self.sampler.encodable(phase.examples)) for phase in ours]
        for uids, what in ((prompts.dropped, "dropped"), (prompts.truncated, "truncated")):
            if uids:
                self._say(
                    f"{len(uids)} prompts are over the limit of {prompts.limit:,} tokens: {what}"
                )
        for phase, size in zip(ours, sizes, strict=True):
            check_phase(phase.number, size, recipe.batch)
        return made.phases

    def _measurable(self) -> dict[str, list[Example]]:
        """What is measured on of the held-out sets; a set without a prompt within the limit has no
        accuracy, and none is shown."""
        found: dict[str, list[Example]] = {}
        for name, some in self.data.held_out.items():
            chosen = list(some)[: self.recipe.evaluate]
            fitting = self.sampler.encodable(chosen)
            if len(fitting) < len(chosen):
                self._say(
                    f"{name}: {len(chosen) - len(fitting)} of {len(chosen)} held-out prompts are"
                    " over the limit: not measured"
                )
            if fitting:
                found[name] = fitting
        return found

    def _pool(self, phase: Phase) -> list[Example]:
        known = by_uid(self.data.examples)
        again = [known[uid] for uid in self.retained]
        return self.sampler.encodable([*phase.examples, *again])

    def _measure(self, when: str) -> None:
        """Accuracies on the held-out sets, and on the examples retained from the phase before."""
        recipe = self.recipe
        if not recipe.evaluate or not recipe.evaluate_samples:
            return
        sets = dict(self._held_out)
        if self.retained:
            again = set(self.retained)
            sets["retained"] = [one for one in self.data.examples if one.uid in again]
        found = {
            name: self.sampler.accuracy(some, samples=recipe.evaluate_samples, salt=when)
            for name, some in sets.items()
        }
        if not found:
            return
        self._say(f"{when}: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
        if self._record is not None:
            self._record.measured(self._at.total, when, found)

    def _done(
        self, stage: str, steps: int, learnt: Learnt, taken: int, sampled: Sampled | None = None
    ) -> None:
        """A step was taken: write it down, and a checkpoint where one is due."""
        at = self._at
        self._at = At(at.stage, at.step + 1, at.total + 1, taken)
        self.sampler.at = self._at.total
        self.sampler.stale = self.sampler.stale or learnt.updates > 0
        prompts = self.sampler.prompts
        row = row_of(
            self._at.total,
            stage,
            learnt,
            sampled,
            retained=set(self.retained),
            rate=self.learner.rate,
            over_limit=len(prompts.dropped) + len(prompts.truncated),
            unjudged=self.sampler.scorer.unjudged,
            reference=self.learner.reference is not None,
            sampler_gap=self.sampler.gap,
            counted=self._counted,
        )
        if row.sampler_gap is not None and row.sampler_gap > BOUND:
            self._say(
                f"{stage}, step {at.step + 1}: the server's log-probabilities are"
                f" {row.sampler_gap:.2f} from the policy's on average: it samples from other"
                " weights"
            )
        if self._record is not None:
            self._record.add(row)
        if self._at.step % self.recipe.save == 0 and self._at.step < steps:
            self._save()
        self._progress(row)

    def _end(self, when: str, *, following: int) -> None:
        self._measure(when)
        self._at = At(following, 0, self._at.total)
        self._save()

    def _keep_start(self, phase: Phase) -> None:
        """The policy that the phases begin with: what KL is measured to, and the `base` scorer."""
        recipe = self.recipe
        wanted = recipe.reference == "start" or recipe.scorer == "base"
        if wanted and phase.number == recipe.first_phase:
            self._start = full_weights(self.policy, self.world)
            self._refer()

    def _refer(self) -> None:
        if self._twin is not None and self._start is not None:
            set_weights(self._twin, self._start, self.world)
            self.learner.reference = self._twin

    def _copy(self) -> Policy:
        """A policy beside this one, to be compared with."""
        twin = frozen(self.policy)
        spread(twin, self.world)
        return twin

    def _save(self) -> None:
        state = {
            "at": asdict(self._at),
            "weights": full_weights(self.policy, self.world),
            "optimizer": full_optimizer(self.policy, self.learner.optimizer, self.world),
            "tracker": json.dumps(self.tracker.state()),
            "retained": list(self.retained),
            "start": self._start,
        }
        if self.world.first:
            save_checkpoint(self.folder, self._run_id(), state)
        self.world.wait()

    def _resume(self) -> None:
        state = load_checkpoint(self.folder, self._run_id())
        if state is None:
            return
        self._at = At(**state["at"])
        self.sampler.at = self._at.total
        check_fit(self.folder, self.policy.model, state["weights"])
        set_weights(self.policy, state["weights"], self.world)
        self.learner.begin(self.recipe.sft_rate if self._at.stage == 0 else self.recipe.rate)
        if self._at.step:  # a stage begins with an optimizer of its own
            set_optimizer(self.policy, self.learner.optimizer, state["optimizer"], self.world)
        self.tracker = Tracker.of(json.loads(state["tracker"]))
        self.retained = tuple(state["retained"])
        self._start = state["start"]
        self._refer()
        self._say(f"going on at step {self._at.total + 1}")

    def _run_id(self) -> str:
        return f"{self.recipe.digest} {self.data.digest}"
