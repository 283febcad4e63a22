"""Reading: what the critic says of every token, over one pass or several."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cprs.critics.base import TokenScores
from cprs.document import Document
from cprs.effort import Effort, plan, resolve
from cprs.engine.base import Engine
from cprs.guidance import Guidance
from cprs.hops import combine, follow
from cprs.labels import TAGS
from cprs.result import Progress

Column = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reading:
    """Scores of one document's n tokens: `keep` (n,), and where the critic has such heads `tags`
    (n, 4) over B I O E and `labels` (n, L) over the guidance's labels. All float32."""

    keep: Column
    tags: Column | None = None
    labels: Column | None = None

    def better(self, later: Reading, keep: Column) -> Reading:
        """This and a `later` pass with the combined scores `keep`: a token whose score rose takes
        the later pass's tags and labels too."""
        rose = (keep > self.keep)[:, None]
        return Reading(
            keep=keep,
            tags=_where(rose, later.tags, self.tags),
            labels=_where(rose, later.labels, self.labels),
        )


@dataclass(frozen=True, slots=True)
class Findings:
    """A reading per document, which of all windows (w,) the critic read, and what the caller
    should know."""

    readings: list[Reading]
    read: NDArray[np.bool_]
    warnings: tuple[str, ...] = ()


def read(
    engine: Engine,
    documents: Sequence[Document],
    guidance: Guidance,
    *,
    hops: int = 1,
    effort: Effort = "thorough",
) -> Generator[Progress, None, Findings]:
    """Score every token of `documents`; once more per further hop, with the best evidence."""
    tokens = sum(len(document.encoded) for document in documents)
    effort = resolve(effort, guidance, tokens)
    found = yield from _score(engine, documents, guidance, effort)
    readings, seen = found.readings, found.read
    for _ in range(1, hops):
        texts, windows = [d.text for d in documents], [d.windows for d in documents]
        further = follow(guidance, texts, windows, [r.keep for r in readings])
        later = yield from _score(engine, documents, further, effort)
        keep = combine([r.keep for r in readings], [r.keep for r in later.readings])
        readings = [a.better(b, k) for a, b, k in zip(readings, later.readings, keep, strict=True)]
        seen = seen | later.read
    return Findings(readings, seen, found.warnings)


def _score(
    engine: Engine, documents: Sequence[Document], guidance: Guidance, effort: Effort
) -> Generator[Progress, None, Findings]:
    """One pass over all windows that are to be read."""
    windows = [window for document in documents for window in document.windows]
    scorer = engine.critic.ask(guidance, windows)
    planned = plan(effort, engine.critic, guidance, windows, scorer=scorer)
    lengths = np.array([len(window) for window in windows], np.int64)
    starts = np.cumsum(lengths) - lengths
    table = _Table(np.repeat(planned.unread, lengths))
    done, total = 0, int(lengths[planned.chosen].sum())
    chosen = planned.chosen.tolist()
    for number, scores in engine.run([windows[i] for i in chosen], scorer):
        table.put(int(starts[chosen[number]]), scores)
        done += len(scores.keep)
        yield Progress("read", done, total)
    seen = np.zeros(len(windows), np.bool_)
    seen[planned.chosen] = True
    ends = np.cumsum([len(document.encoded) for document in documents])
    return Findings(table.split(ends[:-1].tolist()), seen, tuple(scorer.warnings))


class _Table:
    """Scores of a run's tokens, filled window by window; what is not read keeps `keep` (n,), is
    outside (O), and has no label."""

    def __init__(self, keep: Column) -> None:
        self._keep = keep
        self._heads: dict[str, Column] = {}

    def put(self, at: int, scores: TokenScores) -> None:
        """Scores of the tokens from `at` on."""
        end = at + len(scores.keep)
        self._keep[at:end] = scores.keep
        for head, values in (("tags", scores.tags), ("labels", scores.labels)):
            if values is not None:
                if head not in self._heads:
                    rows = np.zeros((len(self._keep), values.shape[1]), np.float32)
                    if head == "tags":
                        rows[:, TAGS.index("O")] = 1
                    self._heads[head] = rows
                self._heads[head][at:end] = values

    def split(self, borders: list[int]) -> list[Reading]:
        """A reading per document, which end at `borders` and at the last token."""
        keeps = np.split(self._keep, borders)
        tags, labels = (
            np.split(self._heads[head], borders) if head in self._heads else [None] * len(keeps)
            for head in ("tags", "labels")
        )
        return [Reading(*columns) for columns in zip(keeps, tags, labels, strict=True)]


def _where(rows: NDArray[np.bool_], later: Column | None, first: Column | None) -> Column | None:
    if later is None or first is None:
        return first
    merged: Column = np.where(rows, later, first)
    return merged
