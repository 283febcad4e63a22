"""Whether probabilities mean what they say: of passages scored p, is a share p evidence?

Passages are binned by probability, finer where it is small, as evidence is rare. *Expected
calibration error*: Σ share of passages in a bin × |mean probability - share of evidence|.
*Brier score*: the mean of (probability - evidence)². Passages of which evidence covers less than
half are neither, and left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cprs.critics.base import TokenCritic
from cprs.train.measure.evaluate import Scored, score_sets
from cprs.train.measure.report import aligned, short_names
from cprs.train.sets.contexts import SIZE
from cprs.train.sets.data import evidence_in, is_english

EDGES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
"""Bins [low, high), the last with its upper edge."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """Passages with a probability in [low, high): how many, their mean probability, the share of
    them that is evidence."""

    low: float
    high: float
    passages: int
    probability: float
    evidence: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """One critic on one set, or on all sets of a kind: bins that hold passages, and the sums.

    `probability` and `evidence` are means over all passages: what the critic expects and what
    there is. `kept` of the text and `found` of the evidence (code points) pass the critic's own
    `threshold`, the mean of questions.
    """

    source: str
    language: str
    critic: str
    queries: int
    passages: int
    probability: float
    evidence: float
    calibration_error: float
    brier: float
    threshold: float
    kept: float
    found: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """Everything measured in one run: sets, then all English ones and all others together, every
    passage counting the same."""

    sets: tuple[Reliability, ...]
    overall: tuple[Reliability, ...]

    def json(self) -> str:
        """All numbers, for programs."""
        return json.dumps(asdict(self), indent=2)

    def text(self) -> str:
        """A line for each set and critic, then the bins of all sets together."""
        rows = (*sorted(self.sets, key=lambda row: row.source), *self.overall)
        short = short_names(tuple(dict.fromkeys(row.critic for row in self.overall)))
        sums = [["set", "queries", "critic", "passages", "mean p", "evidence", "error", "brier"]]
        sums[0] += ["threshold", "keeps", "finds"]
        bins = [["sets", "critic", "probability", "passages", "mean p", "evidence"]]
        for row in rows:
            sums.append(
                [
                    row.source,
                    str(row.queries),
                    short[row.critic],
                    f"{row.passages:,}",
                    *(f"{x:.5f}" for x in (row.probability, row.evidence)),
                    *(f"{x:.5f}" for x in (row.calibration_error, row.brier)),
                    f"{row.threshold:g}",
                    f"{row.kept:.4f}",
                    f"{row.found:.3f}",
                ]
            )
        for row in self.overall:
            for part in row.bins:
                bins.append(
                    [
                        row.source,
                        short[row.critic],
                        f"{part.low:g} to {part.high:g}",
                        f"{part.passages:,}",
                        *(f"{x:.4f}" for x in (part.probability, part.evidence)),
                    ]
                )
        names = [f"{short}: {name}" for name, short in short.items() if short != name]
        return "\n".join([aligned(sums), "", aligned(bins), *names])


def measure_calibration(
    directory: Path,
    *,
    critics: Sequence[TokenCritic],
    queries: int = 24,
    sources: Sequence[str] = (),
    haystack: Path | None = None,
    hops: int = 1,
    size: int = SIZE,
    seed: int = 0,
    progress: Callable[[str, str], None] | None = None,
) -> CalibrationReport:
    """Compare the probabilities of `critics` with the evidence in the question sets in
    `directory`; arguments and errors as `cprs.train.measure.evaluate.evaluate`'s.

    Wired as `cprs eval calibration --data DIR [--critic NAME ...] [--svg FILE] [--json]`.
    """
    threshold = {critic.name: float(critic.threshold) for critic in critics}
    sums: dict[tuple[str, str], _Sums] = {}
    for scored in score_sets(
        directory,
        critics=critics,
        queries=queries,
        sources=sources,
        haystack=haystack,
        hops=hops,
        effort="thorough",  # what is skipped unread has no probability
        size=size,
        seed=seed,
        progress=progress,
    ):
        key = scored.source, scored.critic
        sums.setdefault(key, _Sums(scored.language, threshold[scored.critic])).add(scored)
    kinds: dict[tuple[str, str], _Sums] = {}
    for kind, english in (("English", True), ("other languages", False)):
        for (_, critic), part in sums.items():
            if is_english(part.language) == english:
                kinds.setdefault((f"all, {kind}", critic), _Sums("", part.threshold)).join(part)
    return CalibrationReport(
        sets=tuple(part.reliability(*key) for key, part in sums.items()),
        overall=tuple(part.reliability(*key) for key, part in kinds.items()),
    )


def marked(
    passages: NDArray[np.int64], evidence: Sequence[tuple[int, int]]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Code points (p,) of evidence in each passage, and (p,) whether that is some of it but less
    than half. `passages` (p + 1,) are their bounds."""
    start, end = passages[:-1], passages[1:]
    found = evidence_in(start, end, evidence)
    return found, (found > 0) & (2 * found < end - start)


@dataclass(slots=True)
class _Sums:
    """What is counted of one critic while questions pass by."""

    language: str
    threshold: float
    queries: int = 0
    squares: float = 0.0
    kept: float = 0.0
    found: float = 0.0
    count: Floats = field(default_factory=lambda: np.zeros(len(EDGES) - 1))
    said: Floats = field(default_factory=lambda: np.zeros(len(EDGES) - 1))
    true: Floats = field(default_factory=lambda: np.zeros(len(EDGES) - 1))

    def add(self, scored: Scored) -> None:
        amount, unsure = marked(scored.passages, scored.question.evidence)
        p, y = scored.scores[~unsure].astype(np.float64), (amount > 0)[~unsure]
        place = np.clip(np.searchsorted(EDGES, p, side="right") - 1, 0, len(EDGES) - 2)
        size = len(EDGES) - 1
        self.queries += 1
        self.count += np.bincount(place, minlength=size)
        self.said += np.bincount(place, p, size)
        self.true += np.bincount(place, y, size)
        self.squares += float(((p - y) ** 2).sum())
        passed = scored.scores >= self.threshold
        length = np.diff(scored.passages)
        self.kept += float(length[passed].sum() / max(length.sum(), 1))
        self.found += float(amount[passed].sum() / max(amount.sum(), 1))

    def join(self, other: _Sums) -> None:
        for name in ("queries", "squares", "kept", "found", "count", "said", "true"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def reliability(self, source: str, critic: str) -> Reliability:
        total = max(float(self.count.sum()), 1.0)
        bins = tuple(
            Bin(low, high, int(n), float(said / n), float(true / n))
            for low, high, n, said, true in zip(
                EDGES[:-1], EDGES[1:], self.count, self.said, self.true, strict=True
            )
            if n
        )
        return Reliability(
            source=source,
            language=self.language,
            critic=critic,
            queries=self.queries,
            passages=int(self.count.sum()),
            probability=float(self.said.sum() / total),
            evidence=float(self.true.sum() / total),
            calibration_error=float(np.abs(self.said - self.true).sum() / total),
            brier=self.squares / total,
            threshold=self.threshold,
            kept=self.kept / max(self.queries, 1),
            found=self.found / max(self.queries, 1),
            bins=bins,
        )
