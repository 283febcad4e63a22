"""The whole of cprs on one page: texts and a question in, a short context out."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cprs.assemble import Assembler
from cprs.checkpoint import cancelled_by, checkpoint, is_cancelled
from cprs.critics import load_critic
from cprs.critics.base import TokenCritic, decoding_of, threshold_of
from cprs.decode import Decoding
from cprs.document import Document
from cprs.engine.base import Engine
from cprs.engine.cache import StateCache
from cprs.engine.local import LocalEngine
from cprs.errors import OptionError
from cprs.formats.levels import canonical
from cprs.labels import UnitLabels, unit_labels
from cprs.reading import Reading, read
from cprs.request import Ranges, Request
from cprs.result import Compressed, Progress
from cprs.select import (
    Candidates,
    Selection,
    by_budget,
    by_threshold,
    unit_costs,
    unit_scores,
)
from cprs.tagged import by_tags
from cprs.tokens import TokenCounter, counter_for

Steps = Generator[Progress | Compressed, None, None]


class Compressor:
    """Compresses texts with one critic.

    >>> from cprs import Compressor
    >>> notes = "Ann chaired the meeting. Lunch was late. The budget was approved."
    >>> Compressor().compress(notes, query="Who chaired the meeting?", budget=8).text
    'Ann chaired the meeting. '

    `critic`: "embedded" (the default: CPU, no download), "lexical", a path, or any `TokenCritic`.
    `target_model`: the model, or `TokenCounter`, whose tokens count; the critic's without one.
    `workers`: threads, all cores by default. `cache`: what was read of a document, kept for the
    next question about it. `engine`: what runs the critic, with workers and a cache of its own.
    """

    def __init__(
        self,
        critic: str | Path | TokenCritic = "embedded",
        *,
        device: str = "cpu",
        target_model: str | TokenCounter | None = None,
        workers: int | None = None,
        cache: StateCache | None = None,
        engine: Engine | None = None,
    ) -> None:
        if workers is not None and workers < 1:
            raise OptionError(f"workers must be at least 1, got {workers}")
        if engine is None:
            loaded = (
                load_critic(critic, device=device) if isinstance(critic, str | Path) else critic
            )
            own = StateCache() if cache is None else cache
            engine = LocalEngine(loaded, workers=workers, cache=own)
        elif workers is not None or cache is not None or critic not in ("embedded", engine.critic):
            raise OptionError("an engine has its own critic, workers and cache: give it alone")
        self.critic: TokenCritic = engine.critic
        self.counter = _counter(self.critic, target_model)
        self._engine = engine

    def compress(
        self,
        text: str,
        *,
        query: str | None = None,
        instruction: str | None = None,
        budget: int | None = None,
        ratio: float | None = None,
        threshold: float | None = None,
        granularity: str | None = None,
        format: str | None = None,
        labels: Sequence[str] | None = None,
        hops: int = 1,
        effort: str = "auto",
        decode: str | Decoding | None = None,
        protect: Ranges = (),
        progress: Callable[[Progress], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Compressed:
        """Keep what the query or the instruction asks for.

        `budget` is tokens at most, `ratio` tokens in ÷ tokens out, `threshold` the least score of
        a unit; with none of them the critic's own threshold decides. `granularity` is the size of
        units ("sentence", "line", "paragraph", ...), `format` how they are found ("text", "json",
        "python", ...; detected by default). `protect` are code point ranges kept whatever they
        score. With `hops=2` the best evidence joins the query and everything is scored again.
        `effort`: "thorough" reads everything, "fast" the sixth of the text that a first look finds
        most probable; "auto" is fast for a query from 131,072 tokens on, else thorough.

        Raises `OptionError`, `TextError`, `BudgetError`, or `Cancelled` once `cancel` is set.
        """
        return self.compress_many(
            [text],
            query=query,
            instruction=instruction,
            budget=budget,
            ratio=ratio,
            threshold=threshold,
            granularity=granularity,
            formats=format,
            labels=labels,
            hops=hops,
            effort=effort,
            decode=decode,
            protect=[protect],
            progress=progress,
            cancel=cancel,
        )

    def compress_many(
        self,
        documents: Sequence[str],
        *,
        progress: Callable[[Progress], None] | None = None,
        cancel: threading.Event | None = None,
        **options: Any,
    ) -> Compressed:
        """As `compress`, over documents that share one budget; each span names its document.

        Options are those of `compress`, except that `formats` is one format for all documents or
        a sequence of one each, and `protect` a sequence of ranges per document. `filenames`, one
        per document or None, help to detect formats.
        """
        with cancelled_by(cancel):
            steps = self.iterate(documents, **options)
            for step in steps:
                if is_cancelled():
                    steps.close()
                    checkpoint()
                if isinstance(step, Compressed):
                    return step
                if progress is not None:
                    progress(step)
        raise AssertionError("a run ends with its result")

    async def acompress(self, text: str, **options: Any) -> Compressed:
        """`compress` off the event loop. Cancelling the task stops the work within a batch."""
        cancel = options.pop("cancel", None) or threading.Event()
        try:
            return await asyncio.to_thread(self.compress, text, cancel=cancel, **options)
        except asyncio.CancelledError:
            cancel.set()
            raise

    def iterate(self, documents: Sequence[str], **options: Any) -> Steps:
        """`compress_many` step by step: `Progress` after `Progress`, then the `Compressed`.

        Options are checked at once; closing the generator stops the work within a batch.
        """
        return self._run(Request.of(documents, **options))

    def _run(self, request: Request) -> Steps:
        clock, warnings = _Clock(), []
        if not self.counter.exact:
            warnings.append(
                f"no tokenizer of {self.counter.name!r} on this machine: tokens are estimated, high"
            )

        documents = yield from self._cut(request)
        warnings.extend(_about(request, documents))
        warnings.extend(_other_granularities(documents, request.guidance.granularity))
        clock.lap("cut")

        tokens_in = sum(map(self._tokens, documents))
        budget = request.budget_for(tokens_in)
        windows = sum(len(document.windows) for document in documents)
        fits = budget is not None and request.threshold is None and tokens_in <= budget
        if fits:
            readings = [Reading(np.ones(len(d.encoded), np.float32)) for d in documents]
            seen = np.zeros(windows, np.bool_)
        else:
            found = yield from read(
                self._engine,
                documents,
                request.guidance,
                hops=request.hops,
                effort=request.effort,
            )
            readings, seen = found.readings, found.read
            warnings.extend(found.warnings)
        labels = request.guidance.labels
        if len(labels) > 1 and any(reading.labels is None for reading in readings):
            warnings.append(_unlabelled(self.critic.name, fits=fits))
        clock.lap("read")

        decoding = request.decoding
        if decoding is None and budget is request.threshold is None:
            decoding = decoding_of(self.critic)
        tagged = by_tags(request, documents, readings, decoding) if decoding else None
        candidates = (
            tagged.candidates
            if tagged
            else self._candidates(request, documents, readings, forced=fits)
        )
        assembler = Assembler([d.text for d in documents], candidates, labels)
        if tagged is not None:
            selection = tagged.selection
        elif budget is None or fits:
            least = request.threshold
            if least is None:
                least = threshold_of(self.critic, request.guidance)
            selection = by_threshold(candidates, least)
        else:
            selection = by_budget(
                candidates,
                budget=budget,
                floor=request.threshold or 0.0,
                measure=lambda selection: self.counter.count(assembler.text(selection)),
                pieces=lambda number, unit: documents[number].pieces(unit),
            )
        yield Progress("select", tokens_in, tokens_in)

        texts = assembler.documents(selection)
        text = assembler.text(selection)
        kept, dropped = assembler.tally(selection)
        if not kept:
            warnings.append("nothing was kept: no unit scores high enough for this guidance")
        tokens_out = self.counter.count(text)
        ended = selection.blocked is not None or selection.cut is not None
        if budget is not None and ended and tokens_out < 0.9 * budget:
            warnings.append(_unused(selection, candidates))
        clock.lap("select")
        yield Compressed(
            text=text,
            spans=tuple(span for spans in assembler.spans(selection) for span in spans),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            seconds=clock.total,
            critic=self.critic.name,
            documents=tuple(texts),
            kept=kept,
            dropped=dropped,
            timings=clock.laps,
            effort="thorough" if fits or seen.all() else "fast",
            windows=windows,
            windows_read=int(seen.sum()),
            warnings=tuple(dict.fromkeys(warnings)),
            decoded=tagged.spans if tagged else None,
        )

    def _cut(self, request: Request) -> Generator[Progress, None, list[Document]]:
        """Texts into units, tokens and windows."""
        done, total = 0, sum(map(len, request.documents))
        documents = []
        for number, text in enumerate(request.documents):
            yield Progress("cut", done, total)
            documents.append(Document.cut(request, number, self.critic))
            done += len(text)
        yield Progress("cut", total, total)
        return documents

    def _candidates(
        self,
        request: Request,
        documents: Sequence[Document],
        readings: Sequence[Reading],
        *,
        forced: bool,
    ) -> list[Candidates]:
        """Units with their scores; all are `forced` where the texts fit."""
        return [
            Candidates(
                layout=d.layout,
                score=unit_scores(
                    d.layout.units,
                    d.encoded,
                    reading.keep,
                    tags=reading.tags,
                    passages=d.layout.passages,
                ),
                cost=unit_costs(d.layout.units, d.encoded),
                forced=request.protected(number, d.layout.units) | forced,
                labels=_labels(d, reading) if len(request.guidance.labels) > 1 else None,
            )
            for number, (d, reading) in enumerate(zip(documents, readings, strict=True))
        ]

    def _tokens(self, document: Document) -> int:
        own = self.counter.name == self.critic.name
        return len(document.encoded) if own else self.counter.count(document.text)


class _Clock:
    """Seconds per stage."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.laps[stage] = now - self._last
        self._last = now

    @property
    def total(self) -> float:
        return self._last - self._start


def _counter(critic: TokenCritic, model: str | TokenCounter | None) -> TokenCounter:
    if isinstance(model, TokenCounter):
        return model
    if model is not None:
        return counter_for(model)
    return TokenCounter(critic.name, lambda text: len(critic.encode(text)))


def _about(request: Request, documents: Sequence[Document]) -> list[str]:
    """What formats have to say about the texts themselves."""
    return [
        f"{request.filenames[number] or f'document {number}'}: {document.layout.warning}"
        for number, document in enumerate(documents)
        if document.layout.warning
    ]


def _other_granularities(documents: Sequence[Document], wanted: str | None) -> list[str]:
    """What to say where a format was cut at another granularity than the one asked for."""
    layouts = {(d.layout.format, d.layout.granularity) for d in documents}
    return [
        f"{format} has no granularity {wanted!r}: it was cut by {granularity}"
        for format, granularity in sorted(layouts)
        if wanted is not None and canonical(wanted, (granularity,)) is None
    ]


def _unused(selection: Selection, candidates: Sequence[Candidates]) -> str:
    """What to say of a budget that is less than 90 % used: which unit it ends at."""
    number, unit = selection.blocked or (selection.cut or (0, 0, 0))[:2]
    kind = candidates[number].layout.units[unit].kind
    cost = int(candidates[number].cost[unit])
    return f"budget not used up: the next best {kind} has {cost} tokens and cannot be cut to fit"


def _labels(document: Document, reading: Reading) -> UnitLabels | None:
    """What each unit is called, where the critic tells labels apart."""
    if reading.labels is None:
        return None
    return unit_labels(document.layout.units, document.encoded, reading.labels, reading.tags)


def _unlabelled(critic: str, *, fits: bool) -> str:
    """Why spans carry no label though several were asked for."""
    if fits:
        return "the text fits as it is and was not read: spans carry no labels"
    return f"{critic} does not tell labels apart: spans carry none"
