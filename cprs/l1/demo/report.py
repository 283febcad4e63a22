"""What the demo's runs came to, in words and tables, and which of the claims do not hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cprs.l1.ablation import spread

Result = dict[str, Any]
LEAST_ENTROPY = 0.05
"""Nats per token below which a policy has stopped to try anything else."""
WHOLE, ALONE = "whole", "phase 2 alone"
ACCURACIES = {
    "short, before phase 1": (WHOLE, "before phase 1", "short"),
    "short, after phase 1": (WHOLE, "after phase 1", "short"),
    "long, before phase 1": (WHOLE, "before phase 1", "long"),
    "long, before phase 2": (WHOLE, "before phase 2", "long"),
    "long, after phase 2": (WHOLE, "after phase 2", "long"),
    "long, after phase 2 without phase 1": (ALONE, "after phase 2", "long"),
    "retained examples, before phase 2": (WHOLE, "before phase 2", "retained"),
    "retained examples, after phase 2": (WHOLE, "after phase 2", "retained"),
}
"""Lines of the table: of which run, when, and on which held-out set."""
PREFERENCES = ("before", "orpo", "orpo on long", "solo-orpo")


def accuracy(one: Result, line: str) -> float:
    """A line of `ACCURACIES`, of one seed; 0 where it was not measured."""
    run, when, held_out = ACCURACIES[line]
    value: float = one["phases"][run]["accuracy"].get(when, {}).get(held_out, 0.0)
    return value


CLAIMS: dict[str, tuple[str, Callable[[Result], bool]]] = {
    "phase 1 raises accuracy on short texts": (
        "phases",
        lambda one: accuracy(one, "short, after phase 1") > accuracy(one, "short, before phase 1"),
    ),
    "phase 2 raises accuracy on long texts": (
        "phases",
        lambda one: accuracy(one, "long, after phase 2") > accuracy(one, "long, before phase 2"),
    ),
    "retained hard examples are drawn again and get easier": (
        "phases",
        lambda one: (
            one["phases"][WHOLE]["retained"]["drawn"] > 0
            and accuracy(one, "retained examples, after phase 2")
            > accuracy(one, "retained examples, before phase 2")
        ),
    ),
    "entropy does not collapse": (
        "phases",
        lambda one: one["phases"][WHOLE]["entropy"][1] > LEAST_ENTROPY,
    ),
    "phase 2 is worse without phase 1": (
        "phases",
        lambda one: (
            accuracy(one, "long, after phase 2 without phase 1")
            < accuracy(one, "long, after phase 2")
        ),
    ),
    "SoLo-ORPO beats ORPO on long texts, on the same pairs": (
        "preference",
        lambda one: one["preference"]["solo-orpo"]["long"] > one["preference"]["orpo"]["long"],
    ),
}
"""What the demo shows: the part that a claim is about, and whether it holds of one seed."""


def held(results: Sequence[Result]) -> dict[str, int]:
    """The claims about the parts that were run, and how many seeds each holds of."""
    return {
        claim: sum(holds(one) for one in results)
        for claim, (part, holds) in CLAIMS.items()
        if all(part in one for one in results)
    }


def unmet(results: Sequence[Result]) -> list[str]:
    """The claims that do not hold of every seed, with how many they hold of."""
    return [
        f"{claim} ({good} of {len(results)} seeds)"
        for claim, good in held(results).items()
        if good < len(results)
    ]


def markdown(results: Sequence[Result]) -> str:
    """Tables of accuracies, seed by seed, and the claims; of the parts that every seed has."""
    phases = all("phases" in one for one in results)
    preference = all("preference" in one for one in results)
    lines = _accuracies(results, phases=phases, preference=preference)
    lines += ["", *_facts(results, phases=phases, preference=preference), ""]
    lines += [f"- {claim}: {good} of {len(results)} seeds" for claim, good in held(results).items()]
    return "\n".join(lines)


def _accuracies(results: Sequence[Result], *, phases: bool, preference: bool) -> list[str]:
    rows: dict[str, list[float]] = {}
    if phases:
        rows |= {line: [accuracy(one, line) for one in results] for line in ACCURACIES}
    if preference:
        rows |= {
            f"{held_out}, preferences: {name}": [
                one["preference"][name][held_out] for one in results
            ]
            for held_out in ("long", "short")
            for name in PREFERENCES
        }
    table = [
        f"| accuracy | {_heads(results)} | mean |",
        "|---|" + "---:|" * (len(results) + 1),
    ]
    for name, values in rows.items():
        cells = [f"{value:.3f}" for value in values]
        table.append(f"| {name} | {' | '.join(cells)} | {spread(values)} |")
    return table


def _facts(results: Sequence[Result], *, phases: bool, preference: bool) -> list[str]:
    facts: dict[str, Callable[[Result], str]] = {}
    if phases:
        facts |= {
            "entropy, first and last steps": lambda one: " → ".join(
                f"{value:.2f}" for value in one["phases"][WHOLE]["entropy"]
            ),
            "hard examples retained": lambda one: str(one["phases"][WHOLE]["retained"]["count"]),
            "their groups drawn in phase 2": lambda one: str(
                one["phases"][WHOLE]["retained"]["drawn"]
            ),
            "groups kept / dropped": lambda one: (
                f"{one['phases'][WHOLE]['kept']} / {one['phases'][WHOLE]['dropped']}"
            ),
        }
    if preference:
        facts["pairs"] = lambda one: str(one["preference"]["pairs"])
    facts["seconds (of a core's work)"] = lambda one: (
        f"{one['seconds']:.0f} ({one['cpu seconds']:.0f})"
    )
    table = [f"| | {_heads(results)} |", "|---|" + "---:|" * len(results)]
    table += [
        f"| {name} | {' | '.join(value(one) for one in results)} |" for name, value in facts.items()
    ]
    return table


def _heads(results: Sequence[Result]) -> str:
    return " | ".join(f"seed {one['seed']}" for one in results)
