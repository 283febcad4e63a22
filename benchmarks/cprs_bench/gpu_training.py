"""A hybrid of random weights, trained for minutes on one GPU: its loss curve, and BM25 beside it.

    python -m cprs_bench.gpu_training --data DIR --out DIR --minutes 4

Nothing is pretrained: the tokenizer is learnt from the texts of the training sets, the weights from
their questions. What comes out says that training works and what it costs, not how good a hybrid
of a pretrained base is. `DIR` holds question sets in `train/` and `dev/`, or in those of `critic/`,
and texts in `haystack/`. Windows without evidence are mined by the lexical critic.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cprs.critics.base import TokenCritic
from cprs.critics.hybrid.critic import HybridCritic
from cprs.critics.hybrid.tokens import load_tokens
from cprs.critics.lexical import LexicalCritic
from cprs.recipes import write_recipe
from cprs.train.hybrid.batches import prepare
from cprs.train.hybrid.collate import inputs_of
from cprs.train.hybrid.dataset import Dataset
from cprs.train.hybrid.folder import save_hybrid
from cprs.train.hybrid.learner import learner
from cprs.train.hybrid.train import PRETRAINED
from cprs.train.measure.evaluate import evaluate
from cprs.train.measure.report import Report
from cprs.train.reason.corpus import contexts_of, dev_folder, haystacks, shards, training_folder
from cprs.train.reason.loop import Step, fit
from cprs.train.reason.recipe import Recipe
from cprs.train.sets.data import find_sources, is_english, read_documents
from cprs_bench.machine import describe
from cprs_bench.random_base import SIZES, make_base, recipe_of

RATIOS = (8.0, 32.0, 128.0)
PROBE = 12
"""Steps that tell how long one takes; the first third of them is warming up."""
BINS = 20
"""Points of the loss curve that are printed."""


class Clock:
    """Seconds of each stage, told as they end."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._begun = self._last = time.perf_counter()

    def done(self, stage: str) -> None:
        """Note the end of a stage."""
        now = time.perf_counter()
        self.seconds[stage] = now - self._last
        self._last = now
        say(f"{stage}: {self.seconds[stage]:.1f} s")

    @property
    def spent(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self._begun


def seconds_per_step(base: Path, data: Dataset, recipe: Recipe, out: Path, device: str) -> float:
    """The mean of a few steps once they are warm."""
    out.mkdir()
    at: list[float] = []

    def note(_: Step) -> None:
        if device == "cuda":
            torch.cuda.synchronize()
        at.append(time.perf_counter())

    probe = replace(recipe, steps=PROBE, held_out=0.0)
    model = learner(base, probe, torch.device(device))
    fit(model, data, probe, out, inputs=inputs_of, base=PRETRAINED, device=device, progress=note)
    return float(np.diff(at[PROBE // 3 :]).mean())


def curve(losses: list[float]) -> list[dict[str, float]]:
    """The mean loss of each of `BINS` stretches of steps."""
    parts = np.array_split(np.array(losses), min(BINS, len(losses)))
    ends = np.cumsum([len(part) for part in parts])
    return [
        {"step": int(end), "loss": float(part.mean())}
        for end, part in zip(ends, parts, strict=True)
    ]


def train(
    data: Path, out: Path, *, size: str, minutes: float, steps: int, queries: int, device: str
) -> dict[str, Any]:
    """All of it, with `minutes` for the steps, or so many `steps` where above 0, and `queries` of
    each dev set; returns what was measured."""
    clock, shape = Clock(), SIZES[size]
    recipe = recipe_of(shape)
    sets = training_folder(data)
    dev = dev_folder(sets)
    out.mkdir(parents=True, exist_ok=True)
    base = make_base(out / "base", sets, shape)
    clock.done("tokenizer and weights")
    contexts = chain.from_iterable(
        contexts_of(shard, haystacks(sets), recipe) for shard in shards(sets, recipe)
    )
    miner = LexicalCritic()
    prepared = prepare(contexts, load_tokens(base), miner, recipe, out / "data", base="random")
    clock.done("windows")
    say(f"{len(prepared.questions)} questions, {len(prepared)} windows")
    if not steps:
        pace = seconds_per_step(base, prepared, recipe, out / "probe", device)
        steps = max(int(minutes * 60 / pace), BINS)
        clock.done("probe")
        say(f"{pace:.3f} s a step: {steps} steps")
    recipe = replace(recipe, steps=steps)
    critic = out / "critic"
    critic.mkdir()
    write_recipe(recipe, critic / "recipe.yaml")
    model = learner(base, recipe, torch.device(device))
    parameters = sum(parameter.numel() for parameter in model.parameters())

    def tell(step: Step) -> None:
        if (step.step + 1) % max(steps // BINS, 1) == 0:
            terms = "  ".join(f"{name} {value:.4f}" for name, value in step.terms.items())
            say(f"step {step.step + 1}/{steps}  loss {step.loss:.4f}  {terms}")

    losses = fit(
        model,
        prepared,
        recipe,
        critic,
        inputs=inputs_of,
        base=PRETRAINED,
        device=device,
        progress=tell,
        checked=lambda found: say(str(found)),
    )
    clock.done("training")
    save_hybrid(model, base, critic)
    del model
    report = fast = None
    if dev is not None:
        hybrid = HybridCritic.load(critic, device=device)
        critics: list[TokenCritic] = [hybrid, LexicalCritic()]
        english = [
            name
            for name, path in find_sources(dev).items()
            if all(is_english(d.language) for d in read_documents(path))
        ]
        options: dict[str, Any] = {"ratios": RATIOS, "queries": queries, "sources": english}
        report = evaluate(dev, critics=critics, effort="thorough", **options)
        fast = evaluate(dev, critics=[hybrid], effort="fast", **options)
        clock.done("measuring")
    return {
        "machine": {**describe(), "device": _device(device)},
        "size": {"name": size, "parameters": parameters, **asdict(shape)},
        "questions": len(prepared.questions),
        "windows": len(prepared),
        "steps": steps,
        "seconds": {name: round(value, 1) for name, value in clock.seconds.items()},
        "peak_gb": _peak(device),
        "curve": curve(losses),
        "report": None if report is None else json.loads(report.json()),
        "text": "" if report is None else report.text(),
        "beside": _beside(report, fast),
    }


def _beside(report: Report | None, fast: Report | None) -> list[dict[str, float]]:
    """Macro recall on the English sets, per ratio, of the hybrid, thorough and fast, and of
    BM25."""
    if report is None or fast is None:
        return []
    found = (row.recall for one in (report, fast) for row in one.macro() if row.sets == "English")
    return [
        {"ratio": ratio, "hybrid": mine, "fast": sixth, "bm25": theirs}
        for ratio, mine, theirs, sixth in zip(report.ratios, *found, strict=True)
    ]


def markdown(found: dict[str, Any]) -> str:
    """The same to be read."""
    lines = ["# A hybrid of random weights, trained for minutes", ""]
    lines += [f"- {name}: {value}" for name, value in found["machine"].items()]
    size = found["size"]
    lines += [
        f"- model: {size['parameters'] / 1e6:.0f}M parameters, {size['layers']} layers of"
        f" {size['width']}, windows of {size['window']}",
        f"- data: {found['questions']} questions, {found['windows']} windows",
        f"- {found['steps']} steps in {found['seconds']['training']} s,"
        f" {found['peak_gb']:.1f} GB at most",
        "",
        "| step | loss |",
        "|---|---|",
        *(f"| {point['step']} | {point['loss']:.4f} |" for point in found["curve"]),
        "",
    ]
    if found["beside"]:
        lines += [
            "| compression | hybrid | of its sixth (fast) | BM25 | difference |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {row['ratio']:g}× | {row['hybrid']:.3f} | {row['fast']:.3f} | {row['bm25']:.3f}"
            f" | {row['hybrid'] - row['bm25']:+.3f} |"
            for row in found["beside"]
        ]
        lines += ["", "```text", found["text"], "```", ""]
    return "\n".join(lines)


def say(line: str) -> None:
    """To the terminal, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _device(device: str) -> str:
    return str(torch.cuda.get_device_name()) if device == "cuda" else device


def _peak(device: str) -> float:
    return float(torch.cuda.max_memory_allocated()) / 1e9 if device == "cuda" else 0.0


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--size", choices=SIZES, default="0.1b")
    parser.add_argument("--minutes", type=float, default=4.0, help="of training alone")
    parser.add_argument("--steps", type=int, default=0, help="instead of minutes")
    parser.add_argument("--queries", type=int, default=12, help="of each dev set")
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu"
    )
    parser.add_argument("--results", type=Path, metavar="DIR", help="where the figures go")
    asked = parser.parse_args()
    found = train(
        asked.data,
        asked.out,
        size=asked.size,
        minutes=asked.minutes,
        steps=asked.steps,
        queries=asked.queries,
        device=asked.device,
    )
    results = asked.results or asked.out
    results.mkdir(parents=True, exist_ok=True)
    text = markdown(found)
    (results / "hybrid-training.md").write_text(text, encoding="utf-8")
    (results / "hybrid-training.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    say(text)


if __name__ == "__main__":
    main()
