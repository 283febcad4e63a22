"""The training loop: AdamW over prepared windows, exactly resumable.

On a CPU a run that was stopped and resumed gives the losses of one that was not, bit for bit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path
from typing import Any

import torch

from cprs.train.reason import loss
from cprs.train.reason.batches import Schedule, hold_out
from cprs.train.reason.checkpoint import load_checkpoint, save_checkpoint
from cprs.train.reason.collate import Goals, Samples, goals_of, inputs_of
from cprs.train.reason.corpus import caps
from cprs.train.reason.dataset import Dataset, Joined
from cprs.train.reason.precision import in_bfloat16
from cprs.train.reason.ranks import ALONE, Ranks
from cprs.train.reason.reasoner import Outputs, Reasoner, Shape
from cprs.train.reason.recipe import Recipe
from cprs.train.reason.validate import Validation, validate

LOG = "log.jsonl"
LABEL_HEADS = ("labels.", "kinds.", "outside.")
BASE_RATE, ADAPTER_RATE = 1e-5, 1e-4
"""The rate of pretrained weights that are trained along, or of adapters beside them, where the
recipe has none."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a step of training saw: its number (from 0) of `steps`, its loss and the loss's terms
    before weighting, the learning rate."""

    step: int
    steps: int
    loss: float
    terms: dict[str, float]
    rate: float


def new_reasoner(dataset: Dataset | Joined, recipe: Recipe) -> Reasoner:
    """A reasoner that fits the data, with the weights its recipe's seed gives."""
    shape = Shape(
        states=dataset.width,
        width=recipe.width,
        features=dataset.features,
        passage_features=dataset.passage_features,
        layers=recipe.layers,
        heads=recipe.heads,
        feed=recipe.feed,
    )
    with _seeded(recipe.seed):
        return Reasoner(shape, dropout=recipe.dropout)


def fit(
    model: torch.nn.Module,
    dataset: Samples,
    recipe: Recipe,
    folder: Path,
    *,
    inputs: Callable[..., Any] = inputs_of,
    base: Sequence[str] = (),
    resume: bool = False,
    device: str = "cpu",
    ranks: Ranks = ALONE,
    progress: Callable[[Step], None] | None = None,
    checked: Callable[[Validation], None] | None = None,
) -> list[float]:
    """Train `model` in place and return the loss of every step taken now (`read_losses`: of all).

    With `ranks`, every one of them calls this, with a model that is in parts already; the first
    writes, and tells. Checkpoints and `log.jsonl` go into `folder`. `checked` is told, at every
    checkpoint, how the model does on the questions held out. `inputs` makes of what is given what
    the model reads; parameters whose names begin like one of `base` learn at the recipe's
    `base_rate`.
    """
    on = torch.device(device)
    model.to(on).train()
    asked = list(zip(dataset.questions, dataset.sources, strict=True))
    trained, reserved = hold_out(asked, share=recipe.held_out)
    held_out = [question for question, _ in reserved]
    schedule = Schedule(
        [question for question, _ in trained],
        per_step=recipe.questions,
        seed=recipe.seed,
        sources=[source for _, source in trained],
        most=caps(recipe),
    )
    steps = recipe.steps or max(round(recipe.epochs * schedule.per_epoch), 1)
    if recipe.learn == "labels":
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith(LABEL_HEADS))
    groups, rates = _groups(model, recipe, tuple(base))
    optimizer = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98))
    run = f"{recipe.digest} {json.dumps(dataset.about, sort_keys=True)}"
    short, frozen = in_bfloat16(recipe.precision, on), not recipe.lora_rank
    losses: list[float] = []
    with _seeded(recipe.seed):
        first = load_checkpoint(folder, model, optimizer, run, ranks=ranks) if resume else 0
        with _log(folder / LOG, first) if ranks.first else _no_log() as write:
            for step, numbers in schedule.steps(first, steps):
                share = pace(step / steps, recipe.warmup)
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = share * rate
                samples = [dataset[number] for number in numbers]
                smoothing = (recipe.smoothing, recipe.coarse_smoothing)
                goals = goals_of(samples, smoothing=smoothing, on=on)
                own = ranks.share(len(samples))
                # One that has none reads another's: all must take part.
                given = inputs([samples[number].given for number in own or [0]], on=on)
                with torch.autocast(on.type, torch.bfloat16, enabled=short):
                    outputs = model(given)
                terms = _terms(ranks.joined(outputs, own, goals), goals, recipe)
                total = sum(getattr(recipe, name) * term for name, term in terms.items())
                optimizer.zero_grad(set_to_none=True)
                # What ranks make of their shares is averaged, and each is a part of the sum.
                (total * ranks.size).backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
                optimizer.step()
                seen = {name: float(term.detach()) for name, term in terms.items()}
                done = Step(step, steps, float(total.detach()), seen, share * recipe.rate)
                losses.append(done.loss)
                write(done)
                if (step + 1) % recipe.save == 0 or step + 1 == steps:
                    save_checkpoint(
                        folder, step + 1, model, optimizer, run, frozen=frozen, ranks=ranks
                    )
                    if checked is not None and held_out:
                        with torch.autocast(on.type, torch.bfloat16, enabled=short):
                            found = validate(model, dataset, held_out, inputs=inputs, on=on)
                        if ranks.first:
                            checked(found)
                if progress is not None and ranks.first:
                    progress(done)
    model.eval()
    return losses


def read_losses(folder: Path) -> list[float]:
    """The loss of every step so far of the run in `folder`."""
    lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    return [float(json.loads(line)["loss"]) for line in lines]


def pace(done: float, warmup: float) -> float:
    """The share of the full rate after `done` of all steps: a line up over `warmup`, then half a
    cosine down to nothing (Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts)."""
    if done < warmup:
        return (done + 1e-3) / (warmup + 1e-3)
    return 0.5 + 0.5 * cos(pi * (done - warmup) / (1 - warmup))


def _terms(outputs: Outputs, goals: Goals, recipe: Recipe) -> dict[str, torch.Tensor]:
    """The loss's terms that have a weight, by their names in the recipe."""
    odds, target, weight, group = outputs.odds, goals.target, goals.weight, goals.group
    terms: dict[str, Callable[[], torch.Tensor]] = {
        "evidence": lambda: loss.evidence_loss(odds, target, weight, goals.smoothing),
        "tags": lambda: loss.tag_loss(
            outputs.tags, goals.tags, goals.token_weight, goals.smoothing, gamma=recipe.gamma
        ),
        "labels": lambda: (
            loss.label_loss(outputs.labels, goals.labels, goals.label_weight)
            + loss.naming_loss(outputs.labels, goals.labels, goals.label_weight)
        ),
        "ranking": lambda: loss.ranking_loss(odds, target, weight > 0, group, margin=recipe.margin),
        "contrast": lambda: loss.contrast_loss(odds, target, weight, group),
        "anchor": lambda: loss.anchor_loss(outputs.correction, weight > 0),
    }
    if outputs.probe is not None:
        early = outputs.probe
        terms["probe"] = lambda: (
            loss.evidence_loss(early, target, weight, goals.smoothing)
            + loss.contrast_loss(early, target, weight, group)
        )
    return {name: term() for name, term in terms.items() if getattr(recipe, name)}


def _groups(
    model: torch.nn.Module, recipe: Recipe, base: tuple[str, ...]
) -> tuple[list[dict[str, object]], list[float]]:
    """Parameters for the optimizer and the rate of each group. Matrices decay; biases, norms and
    heads' vectors do not."""
    groups: list[dict[str, object]] = []
    rates: list[float] = []
    usual = ADAPTER_RATE if recipe.lora_rank else BASE_RATE
    for pretrained, rate in ((False, recipe.rate), (True, recipe.base_rate or usual)):
        named = [
            p
            for n, p in model.named_parameters()
            if n.startswith(base or "\0") == pretrained and p.requires_grad
        ]
        if named:
            wide, thin = ([p for p in named if (p.ndim > 1) == more] for more in (True, False))
            groups.append({"params": wide, "weight_decay": recipe.decay})
            groups.append({"params": thin, "weight_decay": 0.0})
            rates += [rate, rate]
    return groups, rates


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Random numbers from `seed`; afterwards the caller's go on as if nothing had been drawn."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextmanager
def _log(path: Path, first: int) -> Iterator[Callable[[Step], None]]:
    """A line per step; lines of steps that will be taken again are dropped."""
    kept: list[str] = []
    if first and path.exists():
        kept = path.read_text(encoding="utf-8").splitlines()[:first]
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in kept)

        def write(step: Step) -> None:
            line = {"step": step.step, "loss": step.loss, **step.terms, "rate": step.rate}
            file.write(json.dumps(line) + "\n")
            file.flush()

        yield write


def _no_log() -> AbstractContextManager[Callable[[Step], None]]:
    return nullcontext(lambda _: None)
