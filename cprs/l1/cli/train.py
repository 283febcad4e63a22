"""`cprs l1 train` and `cprs l1 sft`: a recipe on a policy and examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cprs.cli.console import say as say_facts
from cprs.errors import OptionError
from cprs.extras import torch_device
from cprs.l1.cli.running import telling
from cprs.l1.extras import require

if TYPE_CHECKING:
    from cprs.l1.behaviours import BehaviourJudge
    from cprs.l1.recipe import Recipe

RECIPE = "recipe.yaml"

Model = Annotated[str, typer.Option("--model", metavar="DIR|NAME", help="A causal language model.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="A folder for the run.")]
RecipeFile = Annotated[
    Path | None,
    typer.Option("--recipe", metavar="FILE", help="YAML; what it leaves out is as usual."),
]
Device = Annotated[str, typer.Option("--device", metavar="D", help="auto, cpu or cuda.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where the run in --out stopped.")]
Board = Annotated[bool, typer.Option("--board", help="Also write for TensorBoard.")]


def train(
    model: Model,
    data: Annotated[
        Path, typer.Option("--data", metavar="FILE", help="Examples, as JSONL (cprs l1 data).")
    ],
    out: Out,
    recipe: RecipeFile = None,
    sft: Annotated[
        Path | None,
        typer.Option("--sft", metavar="FILE", help="Triplets for the warm-up, as JSONL."),
    ] = None,
    held_out: Annotated[
        list[Path] | None,
        typer.Option("--held-out", metavar="FILE", help="Examples to measure on; repeatable."),
    ] = None,
    judge: Annotated[
        str | None, typer.Option("--judge", metavar="URL", help="A judge's endpoint, up to /v1.")
    ] = None,
    judge_model: Annotated[
        str, typer.Option("--judge-model", metavar="NAME", help="Its name there.")
    ] = "judge",
    judge_key: Annotated[
        str, typer.Option("--judge-key", envvar="CPRS_L1_JUDGE_KEY", help="Its key.")
    ] = "none",
    vllm: Annotated[
        str | None,
        typer.Option("--vllm", metavar="URL", help="With backend vllm: the server, up to /v1."),
    ] = None,
    vllm_model: Annotated[
        str, typer.Option("--vllm-model", metavar="NAME", help="The policy's name there.")
    ] = "policy",
    resume: Resume = False,
    board: Board = False,
    device: Device = "auto",
) -> None:
    """Train a reasoner: warm-up, then phases of rising length, hard examples again in the next.

    Needs pip install 'cprs[l1]'. On several GPUs: torchrun --nproc-per-node N -m cprs l1 train ...
    """
    require("torch", "transformers", "yaml", "safetensors", "openai")
    from cprs.l1.behaviours import BehaviourJudge
    from cprs.l1.corpus import Data
    from cprs.l1.example import read_examples
    from cprs.l1.reward.hybrid import Scorer
    from cprs.l1.reward.judge import Judge
    from cprs.l1.sft import read_triplets

    chosen = open_run(out, recipe, resume=resume)
    if (chosen.backend == "vllm") != (vllm is not None):
        raise OptionError("--vllm and `backend: vllm` in the recipe go together")
    if bool(chosen.sft_steps) != (sft is not None):
        raise OptionError(
            "--sft, the warm-up's triplets, and `sft_steps` above 0 in the recipe go together"
        )
    if chosen.behaviours == "judge" and judge is None:
        raise OptionError("`behaviours: judge` in the recipe needs --judge, where it is asked")
    if held_out and not chosen.evaluate:
        raise OptionError(
            "--held-out is measured on where the recipe says how many of its examples: `evaluate`"
        )
    found = Data(
        read_examples(data),
        read_triplets(sft) if sft is not None else (),
        {path.stem: read_examples(path) for path in held_out or []},
    )
    asked = None
    if judge is not None:
        asked = Judge(judge, judge_model, key=judge_key, cache=out / "verdicts.jsonl")
    scorer = Scorer(rule=chosen.rule, thinking=chosen.thinking, judge=asked)
    counts = None
    if judge is not None and chosen.behaviours == "judge":
        counts = BehaviourJudge(
            judge, judge_model, key=judge_key, outputs=chosen.behaviours_outputs
        )
    run(model, chosen, found, out, scorer, vllm, vllm_model, resume, board, device, counts)


def sft(
    model: Model,
    data: Annotated[
        Path, typer.Option("--data", metavar="FILE", help="Triplets, as JSONL with `output`.")
    ],
    out: Out,
    recipe: RecipeFile = None,
    resume: Resume = False,
    board: Board = False,
    device: Device = "auto",
) -> None:
    """Only the warm-up: learn good outputs to questions about texts. Needs pip install 'cprs[l1]'.

    Without a recipe three times through the triplets, as in the paper.
    """
    require("torch", "transformers", "yaml", "safetensors")
    from dataclasses import replace

    from cprs.l1.corpus import Data
    from cprs.l1.recipe import Recipe
    from cprs.l1.reward.hybrid import Scorer
    from cprs.l1.sft import read_triplets

    triplets = read_triplets(data)
    chosen = open_run(
        out, recipe, resume=resume, otherwise=Recipe(sft_batch=min(128, len(triplets)))
    )
    if not chosen.sft_steps:
        steps = max(1, 3 * len(triplets) // chosen.sft_batch)
        chosen = replace(chosen, sft_steps=steps)
    run(model, chosen, Data((), triplets), out, Scorer(), None, "", resume, board, device)


def open_run(
    out: Path, path: Path | None, *, resume: bool, otherwise: Recipe | None = None
) -> Recipe:
    """Make the folder, or take up the run in it; the recipe to follow. Raises `OptionError` for a
    folder that is not empty, or holds no run to resume, or one of another recipe."""
    from cprs.l1.recipe import Recipe, read_recipe
    from cprs.recipes import write_recipe

    earlier = out / RECIPE
    chosen = read_recipe(path) if path is not None else None
    if not resume:
        open_folder(out, but=earlier)
        made = chosen or otherwise or Recipe()
        write_recipe(made, earlier)
        return made
    if not earlier.is_file():
        raise OptionError(f"{out} holds no run to resume")
    before = read_recipe(earlier)
    if chosen is not None and chosen.digest != before.digest:
        raise OptionError(f"the recipe differs from {earlier}, which the run was started with")
    return chosen or before


def open_folder(out: Path, *, but: Path | None = None) -> None:
    """Make a folder for a run. Raises `OptionError` where there is something in it, `but` aside."""
    if out.exists() and (not out.is_dir() or any(path != but for path in out.iterdir())):
        raise OptionError(f"{out} is not empty: resume its run, or choose another folder")
    out.mkdir(parents=True, exist_ok=True)


def run(
    model: str,
    recipe: Recipe,
    data: Any,
    out: Path,
    scorer: Any,
    vllm: str | None,
    vllm_model: str,
    resume: bool,
    board: bool,
    device: str,
    counts: BehaviourJudge | None = None,
) -> None:
    """Load, train, tell. `counts`: who counts behaviours, if not their words."""
    from cprs.l1 import behaviours
    from cprs.l1.policy import load_policy
    from cprs.l1.record import plot
    from cprs.l1.rollout.base import Backend
    from cprs.l1.rollout.generate import Generate
    from cprs.l1.rollout.vllm import Vllm
    from cprs.l1.trainer import POLICY, Trainer
    from cprs.l1.world import join_world

    world, on = join_world(torch_device(device))
    policy = load_policy(
        model,
        device=on,
        precision=recipe.precision,
        gradient_checkpointing=recipe.gradient_checkpointing,
        lora_rank=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha,
        seed=recipe.seed,
    )
    backend: Backend = Generate(tokens=10 * recipe.micro_tokens)
    if vllm is not None:
        backend = Vllm(vllm, vllm_model, out / "weights")
    with telling() as (say, progress):
        made = Trainer(
            policy,
            recipe,
            data,
            out,
            backend=backend,
            scorer=scorer,
            counted=behaviours.mean if counts is None else counts.mean,
            world=world,
            resume=resume,
            board=board,
            say=say,
            progress=progress,
        )
        made.run()
    if world.first:
        facts = [("written", str(out / POLICY)), ("steps", str(out / "steps.csv"))]
        try:
            facts.append(("plot", str(plot(out))))
        except OptionError:  # no phase to plot, or no matplotlib
            facts.append(("plot", "none"))
        if scorer.unjudged:
            facts.append(
                ("warning", f"{scorer.unjudged:,} answers without a verdict: the rule decided them")
            )
        if counts is not None and counts.uncounted:
            facts.append(("warning", f"{counts.uncounted:,} outputs without counted behaviours"))
        say_facts(facts)
