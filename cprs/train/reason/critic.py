"""`cprs train critic`: question sets and a base into a trained critic, measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cprs.critics.base import TokenCritic
from cprs.critics.hybrid.kind import FAMILIES, model_type
from cprs.errors import OptionError
from cprs.extras import torch_device
from cprs.recipes import write_recipe
from cprs.train.extras import require
from cprs.train.measure.evaluate import evaluate
from cprs.train.measure.report import Report
from cprs.train.reason.bases import find_base
from cprs.train.reason.corpus import dev_folder, haystacks, training_folder
from cprs.train.reason.recipe import Recipe, read_recipe
from cprs.train.reason.run import Run

if TYPE_CHECKING:
    from cprs.train.reason.loop import Step

RECIPE = "recipe.yaml"
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
    processes: int = 1,
    say: Callable[[str], None] | None = None,
    progress: Callable[[Step], None] | None = None,
) -> Trained:
    """Train reasoning layers above `base`, or `base` itself where it is a Qwen, on the question
    sets in `data` into the folder `out`.

    `data`: the sets, in it or in its `train/` or `critic/train/`. `base`: "minilm", a weights
    folder, or in Hugging Face's layout a BERT's, to be trained along, or a Qwen's. `haystack`:
    texts around documents that stand alone; by default the English ones in a folder `haystack/`
    beside the data. `resume`: go on with the run in `out`, under its own recipe if none is given.
    `start`: a folder whose trained layers, of the same shape and prior, are begun from.
    `processes`: how many share a hybrid's training, a GPU each; more than one start this program's
    main module again, which must not train where it is imported. `say` is told what happens,
    `progress` of every step.

    Raises `OptionError` for what cannot be trained on or resumed, `TextError` for unreadable
    data, `WeightsError` for an unusable base.
    """
    require("torch", "onnx", "safetensors")
    import torch

    from cprs.train.reason.loop import read_losses
    from cprs.train.reason.precision import in_bfloat16

    tell = say or (lambda _: None)
    device = torch_device(device)
    sets = training_folder(data)
    folder = find_base(base)
    recipe = _open(out, recipe, resume=resume)
    in_bfloat16(recipe.precision, torch.device(device))  # raises where there is none
    hay = tuple(haystack) or tuple(haystacks(sets))
    if model_type(folder) in FAMILIES:
        from cprs.train.hybrid.train import train_hybrid as train
    elif recipe.lora_rank or processes != 1:
        what = "lora_rank" if recipe.lora_rank else "processes"
        raise OptionError(f"{what} is for hybrids, and {folder} holds no Qwen: leave it out")
    else:
        from cprs.train.reason.embedded import train_embedded as train
    run = Run(sets, hay, folder, out, recipe, resume, start, device, processes, tell, progress)
    critics = train(run)
    report = _evaluate(sets, recipe, critics, out, tell)
    losses = read_losses(out)
    return Trained(out, losses[0], losses[-1], report)


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
