"""What each component is worth: the same run again and again, each time without one of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
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


Run = Callable[[Recipe, Path], Mapping[str, float]]
"""Trains by a recipe into a folder and says what came of it: figures by name."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: what was left out, and each figure (accuracies on held-out sets and
    the like), one value per seed."""

    without: str
    figures: Mapping[str, Sequence[float]]


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
    run: Run,
    folder: Path,
    *,
    seeds: Sequence[int],
    names: Sequence[str] | None = None,
    of: str = "",
    each: Callable[..., Iterable[dict[str, float]]] = map,
    say: Callable[[str], None] | None = None,
) -> list[Line]:
    """Run every variant with every seed; each result is kept in `folder`, and one that is there
    already, of the same recipe and `of` (what else decides it), is not run again.

    `each` calls a function on everything in a list, as `map` does: a pool's runs several at once.
    The table also goes into `folder`, as `ablation.md`.
    """
    if not seeds:
        raise OptionError("an ablation needs at least one seed")
    chosen = variants(recipe, names)
    tasks = [
        _Task(
            replace(variant, seed=seed), run, folder / name.replace(" ", "-") / f"seed-{seed}", of
        )
        for name, variant in chosen.items()
        for seed in seeds
    ]
    results = iter(each(_result, tasks))
    lines = []
    for name in chosen:
        found = list(islice(results, len(seeds)))
        lines.append(Line(name, {what: [one[what] for one in found] for what in found[0]}))
        if say is not None:
            say(_text(lines[-1]))
    (folder / "ablation.md").write_text(markdown(lines) + "\n", encoding="utf-8")
    return lines


def markdown(lines: Sequence[Line]) -> str:
    """A line per variant, each figure's mean and standard error over seeds; then how far each is
    from the first line, seed by seed, so that what seeds differ in does not blur it."""
    if not lines:
        return ""
    first = lines[0].figures
    apart = [
        Line(
            line.without,
            {
                name: [
                    one - other for one, other in zip(line.figures[name], first[name], strict=True)
                ]
                for name in first
            },
        )
        for line in lines[1:]
    ]
    tables = [_table("", lines)]
    if apart:
        tables.append(_table(f"against {lines[0].without}", apart, sign="+"))
    return "\n\n".join(tables)


def spread(values: Sequence[float], *, sign: str = "") -> str:
    """Mean ± standard error; of one value, that value. `sign`: "+" to have one always."""
    mean = sum(values) / len(values)
    if len(values) < 2:
        return f"{mean:{sign}.3f}"
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return f"{mean:{sign}.3f} ± {sqrt(variance / len(values)):.3f}"


def _table(head: str, lines: Sequence[Line], *, sign: str = "") -> str:
    names = list(lines[0].figures)
    rows = [f"| {head} | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
    for line in lines:
        cells = [spread(line.figures[name], sign=sign) for name in names]
        rows.append(f"| {line.without} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


@dataclass(frozen=True, slots=True)
class _Task:
    recipe: Recipe
    run: Run
    folder: Path
    of: str


def _result(task: _Task) -> dict[str, float]:
    path = task.folder / "result.json"
    made_of = {"recipe": task.recipe.digest, "of": task.of}
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if {name: kept.get(name) for name in made_of} == made_of:
            return dict(kept["figures"])
    task.folder.mkdir(parents=True, exist_ok=True)
    found = dict(task.run(task.recipe, task.folder))
    path.write_text(json.dumps({**made_of, "figures": found}), encoding="utf-8")
    return found


def _text(line: Line) -> str:
    cells = ", ".join(f"{name} {spread(values)}" for name, values in line.figures.items())
    return f"{line.without}: {cells}"
