"""What these tests train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from toys import data

from cprs.l1.demo.task import Shape, examples, shorter
from cprs.l1.pairs import PreferencePair, make_pairs
from cprs.l1.sft import Triplet

STEPS = 3
RATE = 3e-3


def plain(folder: Path, **more: Any) -> dict[str, Any]:
    """Settings of TRL under which a step is AdamW's alone, as in our own loops."""
    return {
        "output_dir": str(folder),
        "use_cpu": True,
        "bf16": False,
        "max_length": None,
        "report_to": "none",
        "max_steps": STEPS,
        "logging_steps": 1,
        "learning_rate": RATE,
        "lr_scheduler_type": "constant",
        "weight_decay": 0.0,
        "save_strategy": "no",
        "disable_tqdm": True,
        "gradient_checkpointing": False,
        **more,
    }


def triplets() -> list[Triplet]:
    """Twenty, with outputs of several lengths."""
    found = data().triplets
    return [replace(one, output="x " * (n % 3) + one.output) for n, one in enumerate(found)]


def pairs() -> tuple[PreferencePair, ...]:
    """Twelve, of short and long lists, with a right and a wrong answer each."""
    longs = examples(Shape(6, 8), 12, seed=0, name="x")
    shorts = [shorter(one, 3, seed=0) for one in longs]
    said = [[one.output, "</think> the answer is nobody"] for one in longs]
    made = make_pairs(shorts, [one.example for one in longs], said, [[1.0, 0.0]] * 12, seed=0)
    return made.pairs


def logged(trainer: Any, name: str = "loss") -> list[float]:
    """What the trainer logged step by step."""
    history: Sequence[dict[str, float]] = trainer.state.log_history
    return [row[name] for row in history if name in row]
