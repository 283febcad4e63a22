"""What each component is worth: the same run again and again, each time without one of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path

from cprs.errors import OptionError, unknown
from cprs.l1.recipe import Recipe

WITHOUT: dict[str, Callable[[Recipe], Recipe]] = {
    "warm-up": lambda recipe: replace(recipe, sft_steps=0),
    "phases": lambda recipe: replace(recipe, curriculum=False, retention="none"),
    "retention": lambda recipe: replace(recipe, retention="none"),
    "dynamic sampling": lambda recipe: replace(recipe, dynamic=False),
    "length penalty": lambda recipe: replace(recipe, overlong_buffer=0),
    "clip-higher": lambda recipe: replace(recipe, clip_high=recipe.clip_low),
}
"""How to switch each component off."""
WHOLE = "all of it"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: what was left out, and the final accuracies on each held-out set, one
    per seed."""

    without: str
    accuracies: Mapping[str, Sequence[float]]


def variants(recipe: Recipe, names: Sequence[str] | None = None) -> dict[str, Recipe]:
    """The whole recipe and those without one component each: all that it has, or `names`.

    Raises `OptionError` for a name that is not known, or a component that the recipe does not have.
    """
    found = {WHOLE: recipe}
    for name in names if names is not None else list(WITHOUT):
        if name not in WITHOUT:
            raise unknown("component", name, tuple(WITHOUT))
        without = WITHOUT[name](recipe)
        if without != recipe:
            found[f"without {name}"] = without
        elif names is not None:
            raise OptionError(f"the recipe has no {name} to leave out")
    return found


def ablate(
    recipe: Recipe,
    run: Callable[[Recipe, Path], Mapping[str, float]],
    folder: Path,
    *,
    seeds: Sequence[int],
    names: Sequence[str] | None = None,
    say: Callable[[str], None] | None = None,
) -> list[Line]:
    """Run every variant with every seed; each result is kept in `folder`, and one that is there
    already is not run again. `run` trains a recipe into a folder and returns final accuracies."""
    if not seeds:
        raise OptionError("an ablation needs at least one seed")
    lines = []
    for name, variant in variants(recipe, names).items():
        found: dict[str, list[float]] = {}
        for seed in seeds:
            chosen = replace(variant, seed=seed)
            where = folder / name.replace(" ", "-") / f"seed-{seed}"
            for held_out, accuracy in _result(chosen, run, where).items():
                found.setdefault(held_out, []).append(accuracy)
        lines.append(Line(name, found))
        if say is not None:
            say(_text(lines[-1]))
    table = markdown(lines)
    (folder / "ablation.md").write_text(table + "\n", encoding="utf-8")
    return lines


def markdown(lines: Sequence[Line]) -> str:
    """The table: a line per variant, mean and standard error over seeds per held-out set."""
    sets = list(lines[0].accuracies) if lines else []
    rows = ["| | " + " | ".join(sets) + " |", "|---|" + "---:|" * len(sets)]
    for line in lines:
        cells = [spread(line.accuracies[name]) for name in sets]
        rows.append(f"| {line.without} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def spread(values: Sequence[float]) -> str:
    """Mean ± standard error; of one value, that value."""
    mean = sum(values) / len(values)
    if len(values) < 2:
        return f"{mean:.3f}"
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return f"{mean:.3f} ± {sqrt(variance / len(values)):.3f}"


def _result(
    recipe: Recipe, run: Callable[[Recipe, Path], Mapping[str, float]], where: Path
) -> dict[str, float]:
    path = where / "result.json"
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept.get("recipe") == recipe.digest:
            return dict(kept["accuracy"])
    where.mkdir(parents=True, exist_ok=True)
    found = dict(run(recipe, where))
    path.write_text(json.dumps({"recipe": recipe.digest, "accuracy": found}), encoding="utf-8")
    return found


def _text(line: Line) -> str:
    cells = ", ".join(f"{name} {spread(values)}" for name, values in line.accuracies.items())
    return f"{line.without}: {cells}"
