"""How much of the evidence a critic keeps, side by side with others over the same passages.

For each question over a long context: passages are taken best first until 1/R of the context's
code points is full. *Recall* is evidence kept ÷ min(evidence, budget); a *hit* keeps at least
90 % of each evidence span. Both are averaged over questions, then over sets; sets in English and
in other languages apart.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cprs.critics.base import TokenCritic
from cprs.document import Document
from cprs.effort import Effort, checked
from cprs.engine.cache import StateCache
from cprs.engine.local import LocalEngine
from cprs.errors import OptionError, unknown
from cprs.formats import segment
from cprs.hops import checked_hops
from cprs.reading import Findings, read
from cprs.result import Progress
from cprs.select import unit_scores
from cprs.train.measure.report import Cell, Report
from cprs.train.sets.contexts import SIZE, Context, build_contexts, is_alone
from cprs.train.sets.data import Question, find_sources, read_documents, read_text
from cprs.units import IntArray, Layout, Units
from cprs.windows import cut_windows

NORMAL_95 = 1.96
RATIOS = (8.0, 16.0, 32.0, 64.0, 128.0)
HAYSTACK = "eval_tenk_en.txt.gz"
"""The unrelated text, looked for in `haystack/` beside the sets or up to two folders above."""

Scores = NDArray[np.float32]


def evaluate(
    directory: Path,
    *,
    critics: Sequence[TokenCritic],
    ratios: Sequence[float] = RATIOS,
    queries: int = 24,
    sources: Sequence[str] = (),
    haystack: Path | None = None,
    hops: int = 1,
    effort: str = "auto",
    size: int = SIZE,
    seed: int = 0,
    progress: Callable[[str, str], None] | None = None,
) -> Report:
    """Measure `critics` over the question sets in `directory`, `queries` questions per set.

    `sources`: the sets to measure, all by default. `haystack`: the text around documents whose
    questions only make sense inside them. `progress` is told (set, critic) as work goes on.

    Wired as `cprs eval critic --data DIR [--critic NAME ...] [--ratio R ...] [--queries N]
    [--source NAME ...] [--haystack FILE] [--hops N] [--effort E] [--json]`: `Report.text()`,
    `Report.json()`.

    Raises `OptionError` for a folder without sets, sets without evidence, an unknown set, a number
    that means nothing; `TextError` naming file and line for what cannot be read.
    """
    if not ratios or not all(ratio >= 1 for ratio in ratios):
        raise OptionError("ratios must be 1 or more: tokens in ÷ tokens out")
    measured: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    of: dict[str, Scored] = {}
    for scored in score_sets(
        directory,
        critics=critics,
        queries=queries,
        sources=sources,
        haystack=haystack,
        hops=hops,
        effort=effort,
        size=size,
        seed=seed,
        progress=progress,
    ):
        of.setdefault(scored.source, scored)
        measured.setdefault((scored.source, scored.critic), []).append(
            np.array(
                [
                    _kept(scored.scores, scored.passages, scored.question.evidence, ratio)
                    for ratio in ratios
                ]
            )
        )
    cells: list[Cell] = []
    for (source, critic), values in measured.items():
        recall, hit = np.mean(values, axis=0).T.tolist()
        spread = np.std(values, axis=0)[:, 0] / np.sqrt(max(len(values) - 1, 1))
        cells.append(
            Cell(
                source=source,
                language=of[source].language,
                context="alone" if of[source].alone else "joined",
                critic=critic,
                queries=len(values),
                recall=tuple(recall),
                hit=tuple(hit),
                margin=tuple((NORMAL_95 * spread).tolist()),
            )
        )
    return Report(ratios=tuple(ratios), cells=tuple(cells))


@dataclass(frozen=True, slots=True)
class Scored:
    """What one critic says under one question about every passage of a context.

    `passages` (p + 1,) bounds of the passages, `scores` (p,) float32 of each. `alone`: the
    question's document lies in unrelated text.
    """

    source: str
    language: str
    alone: bool
    critic: str
    question: Question
    passages: IntArray
    scores: Scores


def score_sets(
    directory: Path,
    *,
    critics: Sequence[TokenCritic],
    queries: int,
    sources: Sequence[str] = (),
    haystack: Path | None = None,
    hops: int = 1,
    effort: str = "auto",
    size: int = SIZE,
    seed: int = 0,
    progress: Callable[[str, str], None] | None = None,
) -> Iterator[Scored]:
    """Ask every critic each question of the sets in `directory`; arguments as `evaluate`'s.

    Raises `OptionError` and `TextError` as `evaluate` does.
    """
    if queries < 1:
        raise OptionError(f"queries must be at least 1, got {queries}")
    found = find_sources(directory)
    for name in sources:
        if name not in found:
            raise unknown("set", name, list(found))
    given = None if haystack is None else read_text(haystack)
    cache = StateCache(max_bytes=1_500_000_000)
    distinct = {critic.name: critic for critic in critics}
    runs = [
        _Run(critic, checked_hops(hops), checked(effort), cache) for critic in distinct.values()
    ]
    nothing = True
    for name in sources or found:
        documents = list(read_documents(found[name]))
        if not documents:
            continue
        alone = is_alone(documents[0])
        hay = (_beside(found[name]) if given is None else given) if alone else ""
        contexts = build_contexts(documents, haystack=hay, queries=queries, size=size, seed=seed)
        for context in contexts:
            layout = segment(context.text, format="text", granularity="sentence")
            for run in runs:
                if progress is not None:
                    progress(name, run.critic.name)
                for question, scores in run.scores(context, layout):
                    nothing = False
                    yield Scored(
                        source=name,
                        language=documents[0].language,
                        alone=alone,
                        critic=run.critic.name,
                        question=question,
                        passages=layout.passages,
                        scores=scores,
                    )
    if nothing:
        raise OptionError(f"{directory}: no question with marked evidence to measure with")


def kept_passages(scores: Scores, lengths: IntArray, budget: float) -> IntArray:
    """The passages kept under a budget of code points: best first, what no longer fits skipped.

    `lengths` (n,) code points of each. Ties go in text order.
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    left = budget
    least = float(lengths.min()) if len(lengths) else 0.0
    for passage in order.tolist():
        if lengths[passage] <= left:
            kept.append(passage)
            left -= float(lengths[passage])
            if left < least:
                break
    return np.array(kept, np.int64)


def _kept(
    scores: Scores, passages: IntArray, evidence: Sequence[tuple[int, int]], ratio: float
) -> tuple[float, float]:
    """Recall and hit of one question at one ratio."""
    budget = int(passages[-1]) / ratio
    kept = kept_passages(scores, np.diff(passages), budget)
    start, end = passages[kept], passages[kept + 1]
    shares: list[float] = []
    found = total = 0
    for a, b in evidence:
        inside = int(np.clip(np.minimum(end, b) - np.maximum(start, a), 0, None).sum())
        found, total = found + inside, total + b - a
        shares.append(inside / (b - a))
    return min(found / min(total, budget), 1.0), float(min(shares) >= 0.9)


class _Run:
    """One critic over many contexts; what it has read of a window is kept for the next."""

    def __init__(self, critic: TokenCritic, hops: int, effort: Effort, cache: StateCache) -> None:
        self.critic = critic
        self._hops = hops
        self._effort = effort
        self._engine = LocalEngine(critic, workers=None, cache=cache)

    def scores(self, context: Context, layout: Layout) -> Iterator[tuple[Question, Scores]]:
        """Each question and the score of every passage under it."""
        encoded = self.critic.encode(context.text)
        windows = cut_windows(encoded, layout.passages, size=self.critic.window)
        document = Document(context.text, layout, encoded, windows)
        units = Units.uniform(layout.passages, "passage")
        for question in context.questions:
            steps = read(
                self._engine,
                [document],
                question.guidance(),
                hops=self._hops,
                effort=self._effort,
            )
            (reading,) = _drained(steps).readings
            yield question, unit_scores(units, encoded, reading.keep)


def _drained(steps: Generator[Progress, None, Findings]) -> Findings:
    """What a run returns in the end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Findings = end.value
            return found


def _beside(path: Path) -> str:
    """The unrelated text that lies near a set; empty where there is none."""
    for folder in list(path.parents)[:3]:
        candidate = folder / "haystack" / HAYSTACK
        if candidate.is_file():
            return read_text(candidate)
    return ""
