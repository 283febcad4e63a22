"""What the toy's runs came to, in words and tables, and which of the claims do not hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cprs.l1.ablation import spread

Result = dict[str, Any]
LEAST_ENTROPY = 0.05
"""Nats per token below which a policy has stopped to try anything else."""

CLAIMS: dict[str, Callable[[Result], bool]] = {
    "phase 1 raises accuracy on short texts": lambda one: (
        _at(one, "whole", "after phase 1", "short") > _at(one, "whole", "before phase 1", "short")
    ),
    "phase 2 raises accuracy on long texts": lambda one: (
        _at(one, "whole", "after phase 2", "long") > _at(one, "whole", "before phase 2", "long")
    ),
    "retained hard examples are drawn again and get easier": lambda one: (
        one["whole"]["retained"]["drawn"] > 0
        and _at(one, "whole", "after phase 2", "retained")
        > _at(one, "whole", "before phase 2", "retained")
    ),
    "entropy does not collapse": lambda one: one["whole"]["entropy"][1] > LEAST_ENTROPY,
    "phase 2 is worse without phase 1": lambda one: (
        _at(one, "phase 2 alone", "after phase 2", "long")
        < _at(one, "whole", "after phase 2", "long")
    ),
    "SoLo-ORPO beats ORPO on long texts, on the same pairs": lambda one: (
        one["preference"]["solo-orpo"]["long"] > one["preference"]["orpo"]["long"]
    ),
}
"""What the toy shows, of one seed."""


def unmet(results: Sequence[Result]) -> list[str]:
    """The claims that do not hold of every seed, with how many they hold of."""
    found = []
    for claim, holds in CLAIMS.items():
        good = sum(holds(one) for one in results)
        if good < len(results):
            found.append(f"{claim} ({good} of {len(results)} seeds)")
    return found


def markdown(results: Sequence[Result]) -> str:
    """Tables of accuracies, seed by seed, and the claims."""
    seeds = [one["seed"] for one in results]
    lines = [
        "| accuracy | " + " | ".join(f"seed {seed}" for seed in seeds) + " | mean |",
        "|---|" + "---:|" * (len(seeds) + 1),
    ]

    def row(name: str, values: Sequence[float]) -> None:
        cells = [f"{value:.3f}" for value in values]
        lines.append(f"| {name} | {' | '.join(cells)} | {spread(values)} |")

    def accuracy(name: str, run: str, when: str, held_out: str) -> None:
        row(name, [_at(one, run, when, held_out) for one in results])

    accuracy("short, before phase 1", "whole", "before phase 1", "short")
    accuracy("short, after phase 1", "whole", "after phase 1", "short")
    accuracy("long, before phase 1", "whole", "before phase 1", "long")
    accuracy("long, before phase 2", "whole", "before phase 2", "long")
    accuracy("long, after phase 2", "whole", "after phase 2", "long")
    accuracy("long, after phase 2 without phase 1", "phase 2 alone", "after phase 2", "long")
    accuracy("retained examples, before phase 2", "whole", "before phase 2", "retained")
    accuracy("retained examples, after phase 2", "whole", "after phase 2", "retained")
    for held_out in ("long", "short"):
        for name in ("before", "orpo", "orpo on long", "solo-orpo"):
            values = [one["preference"][name][held_out] for one in results]
            row(f"{held_out}, preferences: {name}", values)
    lines += ["", "| | " + " | ".join(f"seed {seed}" for seed in seeds) + " |"]
    lines += ["|---|" + "---:|" * len(seeds)]

    def fact(name: str, value: Callable[[Result], str]) -> None:
        lines.append(f"| {name} | {' | '.join(value(one) for one in results)} |")

    fact(
        "entropy, first and last steps",
        lambda one: " → ".join(f"{value:.2f}" for value in one["whole"]["entropy"]),
    )
    fact("hard examples retained", lambda one: str(one["whole"]["retained"]["count"]))
    fact("their groups drawn in phase 2", lambda one: str(one["whole"]["retained"]["drawn"]))
    fact("groups kept / dropped", lambda one: f"{one['whole']['kept']} / {one['whole']['dropped']}")
    fact("pairs", lambda one: str(one["preference"]["pairs"]))
    fact("seconds", lambda one: f"{one['seconds']:.0f}")
    lines.append("")
    for claim, holds in CLAIMS.items():
        good = sum(holds(one) for one in results)
        lines.append(f"- {claim}: {good} of {len(results)} seeds")
    return "\n".join(lines)


def _at(one: Result, run: str, when: str, held_out: str) -> float:
    value: float = one[run]["accuracy"].get(when, {}).get(held_out, 0.0)
    return value
