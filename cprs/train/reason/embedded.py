"""`cprs train critic` above a base that reads windows alone: reasoning layers, and the base along
with them where the recipe gives it a rate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from cprs.critics.base import TokenCritic
from cprs.critics.calibration import Meanings
from cprs.critics.embedded import EmbeddedCritic
from cprs.critics.embedded_base import Base
from cprs.critics.prior import SHIPPED as PRIOR
from cprs.critics.prior import Prior
from cprs.errors import OptionError, unknown
from cprs.train.extras import require
from cprs.train.reason.bases import START, bring_along, bring_frozen, export_changed
from cprs.train.reason.batches import hold_out
from cprs.train.reason.corpus import Shard, shards
from cprs.train.reason.dataset import Joined
from cprs.train.reason.folder import load_reasoner, save_reasoner
from cprs.train.reason.loop import fit, new_reasoner
from cprs.train.reason.meaning import fit_meanings
from cprs.train.reason.parts import prepare_shards
from cprs.train.reason.reasoned import load_trained
from cprs.train.reason.reasoner import Reasoner
from cprs.train.reason.run import PREPARED, Run


def train_embedded(run: Run) -> list[TokenCritic]:
    """Train layers above the run's base into its folder `out`. Returns what is to be measured: the
    critic, and the prior it started from. Raises as `cprs.train.reason.critic.train_critic` does.
    """
    recipe, out = run.recipe, run.out
    if recipe.learn == "labels" and run.start is None:
        raise OptionError("learn: labels are learnt above trained layers: name them with --start")
    if recipe.learn == "labels" and recipe.base_rate:
        raise OptionError("learn: where labels alone are learnt no base is: leave base_rate at 0")
    if recipe.start_share and run.start is None:
        raise OptionError("start_share: there is nothing to mix back in: name it with --start")
    if recipe.base_rate:
        start, learn = out / START, _along
        bring_along(run.base, start)
    else:
        start, learn = out, _frozen
        bring_frozen(run.base, start)
    prior = Prior.load(start / PRIOR.name)
    beside = EmbeddedCritic(Base.load(start), prior, called="prior")
    found = shards(run.sets, recipe)
    if wrong := sorted(set(recipe.most) - {shard.name for shard in found}):
        raise unknown("task or set in most", wrong[0], [shard.name for shard in found])
    model, meanings, prepared = learn(run, found, prior)
    if run.start is not None and recipe.start_share:
        begun, _, _ = load_reasoner(run.start, prior=prior.digest)
        mix(model, begun, share=recipe.start_share)
    if recipe.learn == "all":
        run.say("calibrating on the questions held out")
        kinds = {shard.name: shard.kind for shard in found}
        meanings = fit_meanings(
            model,
            prepared,
            hold_out(prepared.questions, share=recipe.held_out)[1],
            family=lambda name: name if kinds[name] == "set" else kinds[name],
        )
    save_reasoner(model, out, prior=prior.digest, meanings=meanings)
    return [load_trained(out), beside]


def mix(model: nn.Module, begun: nn.Module, *, share: float) -> None:
    """Make `share` of the weights of `model` those of what it was `begun` from, in place
    (Wortsman et al. 2022, arXiv 2109.01903, equation 1): what training on a narrower mixture
    unlearnt comes back, and little of what it taught goes."""
    weights = begun.state_dict()
    model.load_state_dict(
        {name: share * weights[name] + (1 - share) * w for name, w in model.state_dict().items()}
    )


Learnt = tuple[Reasoner, Meanings | None, Joined]
"""The layers, what they meant where they were begun from, and what the base reads below them."""


def _frozen(run: Run, found: Sequence[Shard], prior: Prior) -> Learnt:
    """The layers alone, above states that were read once."""
    prepared = _prepare(run, found, run.out)
    model, meanings = _first(run, prepared, prior)
    _fit(run, model, prepared)
    return model.cpu(), meanings, prepared


def _along(run: Run, found: Sequence[Shard], prior: Prior) -> Learnt:
    """Base and layers together. Afterwards the changed base is exported and reads everything again,
    so that what is calibrated, measured and exported is what is used."""
    require("transformers", "onnxruntime")
    from cprs.train.reason.along import BASE, Along, inputs_of
    from cprs.train.reason.bert import load_bert, save_bert

    start = run.out / START
    prepared = _prepare(run, found, start)
    model, meanings = _first(run, prepared, prior)
    base = load_bert(start, checkpointing=run.recipe.gradient_checkpointing)
    _fit(run, Along(base, model), prepared, inputs=inputs_of, base=BASE)
    save_bert(base, start, run.out)
    run.say("exporting the changed base")
    export_changed(start, run.out)
    return model.cpu(), meanings, _prepare(run, found, run.out)


def _prepare(run: Run, found: Sequence[Shard], weights: Path) -> Joined:
    folder = weights / PREPARED
    prepared = prepare_shards(found, run.haystack, weights, run.recipe, folder, progress=run.say)
    run.say(f"{len(prepared.questions)} questions, {len(prepared)} windows")
    return prepared


def _first(run: Run, prepared: Joined, prior: Prior) -> tuple[Reasoner, Meanings | None]:
    """New layers, or those that the run is to begin from and what they mean."""
    model = new_reasoner(prepared, run.recipe)
    if run.start is None:
        return model, None
    begun, meanings, _ = load_reasoner(run.start, prior=prior.digest)
    if begun.shape != model.shape:
        raise OptionError(f"{run.start}: its layers are {begun.shape}, not {model.shape}")
    model.load_state_dict(begun.state_dict())
    return model, meanings


def _fit(run: Run, model: nn.Module, prepared: Joined, **how: Any) -> None:
    fit(
        model,
        prepared,
        run.recipe,
        run.out,
        resume=run.resume,
        device=run.device,
        progress=run.progress,
        checked=lambda validation: run.say(str(validation)),
        **how,
    )
