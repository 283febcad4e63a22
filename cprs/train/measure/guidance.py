"""Whether an instruction changes what is kept: cases written by hand, and labels on made-up text.

For each instruction over each case: what is kept at the critic's own threshold, its precision and
recall, and how many of the best n are wanted where n are. For labels: of the evidence that is kept,
the share whose span is called as it should be.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

from cprs.assemble import Span
from cprs.compressor import Compressor
from cprs.critics.base import TokenCritic, threshold_of
from cprs.errors import OptionError
from cprs.guidance import Guidance
from cprs.train.measure.cases import Asked, Case, read_cases
from cprs.train.sets.data import Document, Question
from cprs.train.tasks import TASKS
from cprs.train.tasks.instructed import instructed_labels_unseen

SEED = 77
"""Tasks made for training use seeds of 10,000 and more."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One instruction over one case under one critic: units (or words) `wanted` and `kept`,
    `precision` and `recall` at the critic's threshold, `best`: the share of the `wanted` best that
    are wanted."""

    critic: str
    case: str
    instruction: str
    granularity: str
    wanted: int
    kept: int
    precision: float
    recall: float
    best: float


@dataclass(frozen=True, slots=True)
class Called:
    """Labels over made-up documents: `evidence` spans in all, `kept` of them, and `right` of these
    with the label they should have. `labels`: "trained" words or "unseen" ones."""

    critic: str
    labels: str
    evidence: int
    kept: int
    right: int

    @property
    def accuracy(self) -> float:
        """The share of kept evidence that carries the right label; 0 where nothing is kept."""
        return self.right / self.kept if self.kept else 0.0


@dataclass(frozen=True, slots=True)
class GuidanceReport:
    """What `measure_guidance` found."""

    kept: tuple[Kept, ...]
    called: tuple[Called, ...]

    def text(self) -> str:
        """A table for people."""
        rows = [
            f"{'case':10}{'by':11}{'instruction':50}{'want':>5}{'kept':>5}{'P':>6}{'R':>6}{'best':>6}"
        ]
        for critic in dict.fromkeys(
            [*(cell.critic for cell in self.kept), *(called.critic for called in self.called)]
        ):
            rows.append(critic)
            cells = [cell for cell in self.kept if cell.critic == critic]
            rows += [
                f"{cell.case:10}{cell.granularity or 'default':11}{cell.instruction[:48]:50}"
                f"{cell.wanted:5}{cell.kept:5}{cell.precision:6.2f}{cell.recall:6.2f}{cell.best:6.2f}"
                for cell in cells
            ]
            if cells:
                means = [
                    sum(values) / len(cells)
                    for values in zip(
                        *((c.precision, c.recall, c.best) for c in cells), strict=True
                    )
                ]
                rows.append(f"{'mean':81}{means[0]:6.2f}{means[1]:6.2f}{means[2]:6.2f}")
            rows += [
                f"labels, {called.labels}: {called.accuracy:.1%} right of {called.kept} kept "
                f"({called.evidence} to be found)"
                for called in self.called
                if called.critic == critic
            ]
        return "\n".join(rows)

    def json(self) -> str:
        """All numbers."""
        found = {"kept": [asdict(cell) for cell in self.kept]}
        found["called"] = [asdict(cell) | {"accuracy": cell.accuracy} for cell in self.called]
        return json.dumps(found, indent=2)


def measure_guidance(
    critics: Sequence[TokenCritic],
    *,
    cases: Sequence[Case] | None = None,
    documents: int = 20,
    seed: int = SEED,
    progress: Callable[[str, str], None] | None = None,
) -> GuidanceReport:
    """Measure critics over `cases`, by default the shipped ones, and their labels over so many
    made-up `documents` for labels known from training and for others, 0 for none.

    `progress` is told (case, critic). Wired as `cprs eval guidance [--critic NAME|FOLDER ...]
    [--documents N] [--seed S] [--json]`. Raises `OptionError`.
    """
    if documents < 0:
        raise OptionError(f"documents must be at least 0, got {documents}")
    kept: list[Kept] = []
    called: list[Called] = []
    for critic in critics:
        compressor = Compressor(critic)
        for case in read_cases() if cases is None else cases:
            for asked in case.asked:
                if progress is not None:
                    progress(case.name, critic.name)
                kept.append(measure_case(compressor, case, asked))
        if documents:
            tasks = {"trained": TASKS["instructed_labels"], "unseen": instructed_labels_unseen}
            for name, task in tasks.items():
                if progress is not None:
                    progress(f"labels, {name}", critic.name)
                made = task(seed=seed, count=documents, length=4_000)
                called.append(measure_labels(compressor, made, name))
    return GuidanceReport(tuple(kept), tuple(called))


def measure_case(compressor: Compressor, case: Case, asked: Asked) -> Kept:
    """One instruction over one case: by the case's units, or, asked for words, by words."""
    spans = _scored(compressor, case.text, asked.instruction, asked.granularity, case.filename)
    if asked.granularity in ("", "sentence", "line", "function"):
        wanted = case.wanted(asked.kind)
        scores = [_share_best(spans, a, b) for a, b in case.units]
    else:
        marked = case.marked(asked.kind)
        wanted = [any(a < s.end and s.start < b for a, b in marked) for s in spans]
        scores = [span.score for span in spans]
    told = Guidance.parse(asked.instruction)
    least = threshold_of(compressor.critic, told)
    kept = [score >= least for score in scores]
    both = sum(w and k for w, k in zip(wanted, kept, strict=True))
    order = sorted(range(len(scores)), key=lambda i: -scores[i])[: sum(wanted)]
    return Kept(
        critic=compressor.critic.name,
        case=case.name,
        instruction=asked.instruction,
        granularity=asked.granularity,
        wanted=sum(wanted),
        kept=sum(kept),
        precision=both / max(sum(kept), 1),
        recall=both / max(sum(wanted), 1),
        best=sum(wanted[i] for i in order) / max(len(order), 1),
    )


def measure_labels(compressor: Compressor, documents: Iterable[Document], name: str) -> Called:
    """How the evidence of documents whose questions name several labels is called.

    Things within sentences are kept by words, whole lines by lines.
    """
    evidence = kept = right = 0
    for document in documents:
        for question in document.questions:
            spans = _labelled(compressor, document.text, question)
            for (start, end), label in zip(question.evidence, question.labels, strict=True):
                inside = [s for s in spans if s.start < end and start < s.end]
                share = sum(min(s.end, end) - max(s.start, start) for s in inside)
                evidence += 1
                if 2 * share >= end - start:
                    kept += 1
                    best = max(inside, key=lambda s: min(s.end, end) - max(s.start, start))
                    right += best.label == label
    return Called(compressor.critic.name, name, evidence, kept, right)


def _labelled(compressor: Compressor, text: str, question: Question) -> tuple[Span, ...]:
    told = question.guidance()
    return compressor.compress(
        text,
        instruction=question.instruction,
        labels=told.labels,
        granularity="line" if question.level == "line" else "word",
        format="text",
        effort="thorough",
    ).spans


def _scored(
    compressor: Compressor, text: str, instruction: str, granularity: str, filename: str
) -> tuple[Span, ...]:
    """All units, with their scores."""
    return compressor.compress_many(
        [text],
        instruction=instruction,
        granularity=granularity or None,
        filenames=[filename],
        threshold=0.0,
        effort="thorough",
    ).spans


def _share_best(spans: Sequence[Span], start: int, end: int) -> float:
    """The best score of those spans that have a good part of [start, end) in them."""
    found = [
        span.score
        for span in spans
        if 3 * (min(span.end, end) - max(span.start, start))
        >= min(end - start, span.end - span.start)
    ]
    return max(found, default=0.0)
