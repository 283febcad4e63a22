"""The sets of a run: examples of one or several files, by their `source`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cprs.errors import TextError
from cprs.l1.example import Example, read_examples


def read_sets(paths: Sequence[Path], *, first: int = 0) -> list[Example]:
    """The examples of all files; those without a source are of the set named as their file.
    `first`: only so many of each set, 0 for all.

    Raises `TextError` where a set has two examples of one uid: they could not be told apart.
    """
    found: list[Example] = []
    seen: set[tuple[str, str]] = set()
    counts: Counter[str] = Counter()
    for path in paths:
        for example in read_examples(path):
            named = example if example.source else replace(example, source=path.stem)
            if (named.source, named.uid) in seen:
                raise TextError(f"{path}: {named.source} has had an example {named.uid!r} before")
            seen.add((named.source, named.uid))
            counts[named.source] += 1
            if not first or counts[named.source] <= first:
                found.append(named)
    return found
