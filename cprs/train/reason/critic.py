"""`cprs train critic`: question sets and a base into a trained critic, measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cprs.critics.base import TokenCritic
from cprs.critics.embedded import EmbeddedCritic
from cprs.critics.embedded_base import Base
from cprs.critics.prior import SHIPPED as PRIOR
from cprs.critics.prior import Prior
from cprs.critics.weights import MANIFEST, SHIPPED, load_weights
from cprs.errors import OptionError, unknown
from cprs.train.extras import require
from cprs.train.hybrid.kind import CONFIG, model_type, read_config
from cprs.train.measure.evaluate import evaluate
from cprs.train.measure.report import Report
from cprs.train.reason.batches import hold_out
from cprs.train.reason.corpus import dev_folder, haystacks, shards, training_folder
from cprs.train.reason.parts import prepare_shards
from cprs.train.reason.recipe import Recipe, read_recipe, write_recipe
from cprs.train.reason.run import Run

if TYPE_CHECKING:
    from cprs.train.reason.loop import Step

NAMES = ("minilm",)
RECIPE = "recipe.yaml"
PREPARED = "data"
RATIOS = (8.0, 32.0, 128.0)


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run wrote: its folder, the loss of its first and last steps, and, where a dev set
    lies beside the data, how the critic and its prior do on it."""

    folder: Path
    first_loss: float
    last_loss: float
    report: Report | None


def train_critic(
    data: Path,
    base: str | Path,
    out: Path,
    recipe: Recipe | None = None,
    *,
    resume: bool = False,
    start: Path | None = None,
    haystack: Sequence[Path] = (),
    device: str = "auto",
    say: Callable[[str], None] | None = None,
    progress: Callable[[Step], None] | None = None,
) -> Trained:
    """Train reasoning layers above `base`, or `base` itself where it is a Qwen2, on the question
    sets in `data` into the folder `out`.

    `data`: the sets, in it or in its `train/` or `critic/train/`. `base`: one of `NAMES`, a
    weights folder, or a Qwen2's in Hugging Face's layout. `haystack`: texts around documents that
    stand alone; by default the English ones in a folder `haystack/` beside the data. `resume`: go
    on with the run in `out`, under its own recipe if none is given. `start`: a folder whose trained
    layers, of the same shape and prior, are begun from. `say` is told what happens, `progress` of
    every step.

    Raises `OptionError` for what cannot be trained on or resumed, `TextError` for unreadable
    data, `WeightsError` for an unusable base.
    """
    require("torch", "onnx", "safetensors")
    import torch

    from cprs.train.reason.loop import read_losses

    tell = say or (lambda _: None)
    there = torch.cuda.is_available()
    if device == "auto":
        device = "cuda" if there else "cpu"
    if device not in ("cpu", "cuda") or (device == "cuda" and not there):
        raise OptionError(f"device {device!r} is not here; known: auto, cpu{', cuda' * there}")
    sets = training_folder(data)
    folder = _base(base)
    recipe = _open(out, recipe, resume=resume)
    hay = list(haystack) or haystacks(sets)
    if (folder / MANIFEST).is_file():
        train = _train_embedded
    else:
        from cprs.train.hybrid.train import train_hybrid as train
    run = Run(sets, tuple(hay), folder, out, recipe, resume, start, device, tell, progress)
    critics = train(run)
    report = _evaluate(sets, recipe, critics, out, tell)
    losses = read_losses(out)
    return Trained(out, losses[0], losses[-1], report)


def _train_embedded(run: Run) -> list[TokenCritic]:
    """Reasoning layers above an exported base. Returns what is to be measured: the critic and its
    prior."""
    from cprs.train.reason.folder import load_reasoner, save_reasoner
    from cprs.train.reason.loop import fit, new_reasoner
    from cprs.train.reason.meaning import fit_meaning
    from cprs.train.reason.reasoned import load_trained

    out, recipe = run.out, run.recipe
    if recipe.base_rate:
        raise OptionError("base_rate: the embedded critic's base stays as it is; leave it at 0")
    if recipe.learn == "labels" and run.start is None:
        raise OptionError("learn: labels are learnt above trained layers: name them with --start")
    _bring_base(run.base, out)
    reader, prior = Base.load(out), Prior.load(out / PRIOR.name)
    found = shards(run.sets, recipe)
    prepared = prepare_shards(found, run.haystack, out, recipe, out / PREPARED, progress=run.say)
    run.say(f"{len(prepared.questions)} questions, {len(prepared)} windows")
    model = new_reasoner(prepared, recipe)
    meaning = None
    if run.start is not None:
        begun, meaning, _ = load_reasoner(run.start, prior=prior.digest)
        if begun.shape != model.shape:
            raise OptionError(f"{run.start}: its layers are {begun.shape}, not {model.shape}")
        model.load_state_dict(begun.state_dict())
    fit(
        model,
        prepared,
        recipe,
        out,
        resume=run.resume,
        device=run.device,
        progress=run.progress,
        checked=lambda validation: run.say(str(validation)),
    )
    model.cpu()
    if recipe.learn == "all":
        run.say("calibrating on the questions held out")
        kinds = {shard.name: shard.kind for shard in found}
        meaning = fit_meaning(
            model,
            prepared,
            hold_out(prepared.questions, share=recipe.held_out)[1],
            family=lambda name: name if kinds[name] == "set" else kinds[name],
        )
    save_reasoner(model, out, prior=prior.digest, meaning=meaning)
    return [load_trained(out), EmbeddedCritic(reader, prior, called="prior")]


def _base(base: str | Path) -> Path:
    if str(base) in NAMES:
        return SHIPPED
    folder = Path(base)
    if (folder / MANIFEST).is_file():
        return folder
    if (folder / CONFIG).is_file():
        if model_type(folder) != "bert":
            read_config(folder)
            return folder
        raise OptionError(
            f"{folder}: not exported yet; run: cprs export critic --base {folder} --out DIR"
        )
    raise unknown("base", str(base), [*NAMES, "a folder made by `cprs export critic`", "a Qwen2's"])


def _bring_base(folder: Path, out: Path) -> None:
    """Copy the base and its prior, once: a run keeps those it was started with."""
    from cprs.train.reason.folder import copy_base

    own = folder / PRIOR.name
    if not (out / PRIOR.name).is_file():
        copy_base(folder, own if own.is_file() else PRIOR, out)
    elif load_weights(out).digest != load_weights(folder).digest:
        raise OptionError(f"{folder} is another base than the run in {out} was started with")


def _open(out: Path, recipe: Recipe | None, *, resume: bool) -> Recipe:
    """Make the folder, or take up the run in it; returns the recipe to follow."""
    earlier = out / RECIPE
    if not resume:
        # A run that came no further than its recipe is none.
        if out.exists() and (not out.is_dir() or any(p != earlier for p in out.iterdir())):
            raise OptionError(f"{out} is not empty: resume its run, or choose another folder")
        out.mkdir(parents=True, exist_ok=True)
        write_recipe(recipe or Recipe(), earlier)
        return recipe or Recipe()
    if not earlier.is_file():
        raise OptionError(f"{out} holds no run to resume")
    before = read_recipe(earlier)
    if recipe is not None and recipe.digest != before.digest:
        raise OptionError(f"the recipe differs from {earlier}, which the run was started with")
    return recipe or before


def _evaluate(
    sets: Path,
    recipe: Recipe,
    critics: Sequence[TokenCritic],
    out: Path,
    tell: Callable[[str], None],
) -> Report | None:
    dev = dev_folder(sets)
    if not recipe.evaluate or dev is None:
        return None
    report = evaluate(
        dev,
        critics=critics,
        ratios=RATIOS,
        queries=recipe.evaluate,
        progress=lambda source, _: tell(f"measuring on {source}"),
    )
    (out / "report.txt").write_text(report.text() + "\n", encoding="utf-8")
    (out / "report.json").write_text(report.json() + "\n", encoding="utf-8")
    return report
