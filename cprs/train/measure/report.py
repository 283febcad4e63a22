"""The table of an evaluation, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from cprs.train.sets.data import is_english


@dataclass(frozen=True, slots=True)
class Cell:
    """One critic on one set: recall and hit at each of the report's ratios, and `margin`, half the
    95 % interval of recall over questions."""

    source: str
    language: str
    context: str
    critic: str
    queries: int
    recall: tuple[float, ...]
    hit: tuple[float, ...]
    margin: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Macro:
    """One critic over all sets of one kind, each set counting the same. `margin`: over other
    questions of the same sets."""

    sets: str
    critic: str
    sources: int
    recall: tuple[float, ...]
    hit: tuple[float, ...]
    margin: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything measured in one run."""

    ratios: tuple[float, ...]
    cells: tuple[Cell, ...]

    @property
    def critics(self) -> tuple[str, ...]:
        """The critics measured, in the order they were given."""
        return tuple(dict.fromkeys(cell.critic for cell in self.cells))

    def macro(self) -> list[Macro]:
        """Averages over sets: English, then the other languages together."""
        rows: list[Macro] = []
        for sets, english in (("English", True), ("other languages", False)):
            for critic in self.critics:
                cells = [
                    cell
                    for cell in self.cells
                    if cell.critic == critic and is_english(cell.language) == english
                ]
                if cells:
                    recall = _columns(cell.recall for cell in cells)
                    hit = _columns(cell.hit for cell in cells)
                    squares = _columns([m * m for m in cell.margin] for cell in cells)
                    margin = tuple((square / len(cells)) ** 0.5 for square in squares)
                    rows.append(Macro(sets, critic, len(cells), recall, hit, margin))
        return rows

    def json(self) -> str:
        """All numbers, for programs."""
        return json.dumps(
            {
                "ratios": self.ratios,
                "macro": [asdict(row) for row in self.macro()],
                "sets": [asdict(cell) for cell in self.cells],
            },
            indent=2,
        )

    def text(self) -> str:
        """Recall ± margin [hit] per set, critic and ratio, the averages and the critics' names
        last."""
        short = short_names(self.critics)
        header = ["set", "context", "queries", "critic", *(f"{ratio:g}x" for ratio in self.ratios)]
        rows = [header]
        for cell in sorted(self.cells, key=lambda cell: cell.source):
            rows.append(
                [
                    cell.source,
                    cell.context,
                    str(cell.queries),
                    short[cell.critic],
                    *_numbers(cell.recall, cell.hit, cell.margin),
                ]
            )
        for row in self.macro():
            rows.append(
                [
                    f"macro, {row.sets}",
                    f"{row.sources} sets",
                    "",
                    short[row.critic],
                    *_numbers(row.recall, row.hit, row.margin),
                ]
            )
        names = [f"{short[name]}: {name}" for name in self.critics if short[name] != name]
        return "\n".join([aligned(rows), *names])


def short_names(names: Sequence[str]) -> dict[str, str]:
    """What stands before the first hyphen of a name, where that tells it from the others."""
    heads = [name.split("-")[0] for name in names]
    return {
        name: head if heads.count(head) == 1 else name
        for name, head in zip(names, heads, strict=True)
    }


def _columns(rows: Iterable[Sequence[float]]) -> tuple[float, ...]:
    columns = list(zip(*rows, strict=True))
    return tuple(sum(column) / len(column) for column in columns)


def _numbers(recall: Sequence[float], hit: Sequence[float], margin: Sequence[float]) -> list[str]:
    margins = [f" ±{m:.2f}" for m in margin] or [""] * len(recall)
    return [f"{r:.3f}{m} [{h:.2f}]" for r, h, m in zip(recall, hit, margins, strict=True)]


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
