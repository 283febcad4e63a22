"""Ratings by task and set, as Markdown and JSON, the published figures beside, labelled so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from cprs.l1.loong.quoted import BY_LEVEL, BY_SET
from cprs.l1.loong.rating import Rated, Score, score
from cprs.l1.loong.task import LEVELS, SETS

Slices = Mapping[str, Mapping[str, Score]]
"""By row ("all", then each set) and column (each task, then "overall")."""


def slices(rated: Sequence[Rated], *, compat: bool = False) -> Slices:
    """A score for each task in each set, and over all of either. Slices without a row are left
    out."""
    found: dict[str, dict[str, Score]] = {}
    for set_, row in ((0, "all"), *SETS.items()):
        for level, column in (*LEVELS.items(), (0, "overall")):
            part = [
                one for one in rated if set_ in (0, one.task.set) and level in (0, one.task.level)
            ]
            if part:
                found.setdefault(row, {})[column] = score(part, compat=compat)
    return found


def markdown(runs: Mapping[str, Sequence[Rated]], *, compat: bool = False) -> str:
    """Tables of each run, then the published ones."""
    parts = []
    for name, rated in runs.items():
        found = slices(rated, compat=compat)
        overall = found["all"]["overall"]
        parts.append(f"### {name}\n\n{_table(found)}\n\n{_counts(overall, compat=compat)}")
    parts.append(_quoted(runs, compat=compat))
    return "\n\n".join(parts)


def as_json(runs: Mapping[str, Sequence[Rated]], *, compat: bool = False) -> str:
    """All of it, one object."""
    made = {
        name: {
            row: {column: asdict(one) for column, one in columns.items()}
            for row, columns in slices(rated, compat=compat).items()
        }
        for name, rated in runs.items()
    }
    quoted = {
        "source": "README of github.com/MozerWang/Loong",
        "by_level": dict(BY_LEVEL),
        "by_set": dict(BY_SET),
    }
    return json.dumps({"compat": compat, "runs": made, "quoted": quoted}, ensure_ascii=False)


def _table(found: Slices) -> str:
    heads = ["set", *LEVELS.values(), "overall"]
    lines = [_row(heads), _row(["---"] + ["---:"] * 5)]
    for name, columns in found.items():
        lines.append(_row([name, *(_cell(columns.get(column)) for column in heads[1:])]))
    return "\n".join(lines)


def _cell(one: Score | None) -> str:
    if one is None:
        return "-"
    if one.average is None or one.perfect is None:
        return f"none rated (n={one.rows})"
    return f"{one.average:.2f}/{one.perfect:.2f} (n={one.rows})"


def _counts(one: Score, *, compat: bool) -> str:
    rest = f"{one.failed} of {one.rows} rows without an answer, {one.unrated} without a rating"
    if compat:
        return f"{rest}: left out, as in the released scorer (--compat)."
    bounds = f"the overall average lies from {one.low:.2f} to {one.high:.2f} whatever they rate"
    sure = "" if one.interval is None else f", 95 % [{one.interval[0]:.2f}, {one.interval[1]:.2f}]"
    return f"{rest}; those rate 0, these are left out: {bounds}{sure}."


def _quoted(runs: Mapping[str, Sequence[Rated]], *, compat: bool) -> str:
    heads = ["model", *LEVELS.values(), "overall", *(f"set {n}: {of}" for n, of in SETS.items())]
    lines = [
        "### Beside the published figures",
        "",
        "Quoted from Loong's README (average rating/share of 100s; sets: average rating), whose"
        " judge was GPT-4 Turbo. Rows in bold were measured in this run, with a judge's prompt of"
        " our own words.",
        "",
        _row(heads),
        _row(["---"] + ["---:"] * (len(heads) - 1)),
    ]
    for name, rated in runs.items():
        found = slices(rated, compat=compat)
        columns = [found["all"].get(column) for column in heads[1:6]]
        sets = [found.get(of, {}).get("overall") for of in SETS.values()]
        cells = [_pair(one) for one in columns]
        cells += [f"{one.average:.2f}" if one and one.average is not None else "-" for one in sets]
        lines.append(_row([f"**{name}**", *cells]))
    for name, pairs in BY_LEVEL.items():
        cells = [f"{average:.2f}/{perfect:.2f}" for average, perfect in pairs]
        cells += [f"{average:.2f}" for average in BY_SET[name]]
        lines.append(_row([f"{name} (quoted)", *cells]))
    return "\n".join(lines)


def _pair(one: Score | None) -> str:
    if one is None or one.average is None or one.perfect is None:
        return "-"
    return f"{one.average:.2f}/{one.perfect:.2f}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
