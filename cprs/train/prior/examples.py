"""Features of every passage of many contexts, with how much of each is evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cprs.critics.embedded_base import Base
from cprs.critics.features import Question
from cprs.critics.packing import pack, unpack
from cprs.critics.pooling import States
from cprs.critics.words import Pieces
from cprs.engine.cache import StateCache, key_of
from cprs.formats import segment
from cprs.train.sets.contexts import Context, build_contexts
from cprs.train.sets.data import (
    Document,
    evidence_in,
    find_sources,
    is_english,
    read_documents,
    read_text,
)
from cprs.train.sets.data import Question as Asked
from cprs.train.sets.synthetic import make_documents
from cprs.units import IntArray
from cprs.windows import Window, cut_windows

INCOMPLETE = frozenset({"policyqa", "covid_qa", "evidence_inference", "nq_oracle_passages"})
"""Sets whose evidence is not all marked: passages that hold the answer are neither."""


@dataclass(frozen=True, slots=True)
class Example:
    """One question over one context of p passages.

    `features` (p, f) float32; `length`, `evidence` (p,) code points, in all and of evidence;
    `unsure` (p,) neither evidence nor not; `total` code points of evidence, `size` of text.
    """

    source: str
    features: NDArray[np.float32]
    length: IntArray
    evidence: IntArray
    unsure: NDArray[np.bool_]
    total: int
    size: int


SIZES = (200_000, 40_000, 10_000)
"""Code points of contexts: most questions are asked of the first size, a third of each other, so
that probabilities are right in short texts too. A Chinese character is a token: a quarter there."""


def training_contexts(
    directory: Path, haystack: Sequence[Path], *, queries: int, seed: int
) -> Iterator[Context]:
    """Contexts of all sets in `directory`, and of made-up lookups and logs."""
    hay, sets = read_hay(haystack), read_sets(directory, seed=seed)
    for number, size in enumerate(SIZES):
        for documents in sets.values():
            yield from build_contexts(
                documents,
                haystack=hay,
                queries=queries if number == 0 else queries // 3,
                per_context=32 if number == 0 else 4,
                size=size if is_english(documents[0].language) else size // 4,
                seed=seed + number,
                negatives=True,
            )


def read_sets(directory: Path, *, seed: int) -> dict[str, list[Document]]:
    """The sets of a folder, and made-up lookups and logs."""
    sets = {name: list(read_documents(path)) for name, path in find_sources(directory).items()}
    for document in make_documents(count=48, seed=seed):
        sets.setdefault(document.source, []).append(document)
    return sets


def read_hay(paths: Sequence[Path]) -> str:
    """Unrelated text: a part of each file, past its title pages."""
    return "\n\n".join(read_text(path)[5_000:75_000] for path in paths)


class Reader:
    """Contexts into examples: the same passages, windows, states and features as in use."""

    def __init__(self, base: Base, *, threads: int = 2) -> None:
        self._base = base
        self._pieces = Pieces(base.vocabulary)
        self._pool = ThreadPoolExecutor(threads)
        self._cache = StateCache(max_bytes=4 << 30)

    def centre(self, contexts: Sequence[Context]) -> States:
        """The mean token state of all windows."""
        total, count = np.zeros(self._base.width), 0
        for context in contexts:
            windows = self._windows(context)[0]
            for states in self._states(windows[::4]):
                total += states.sum(axis=0)
                count += len(states)
        mean: States = (total / max(count, 1)).astype(np.float32)
        return mean

    def examples(self, context: Context, centre: States) -> list[Example]:
        """An example per question of the context."""
        windows, passages, kept = self._windows(context)
        states = self._states(windows)

        def example(asked: Asked) -> Example:
            ids, query, _ = self._base.embed_query(asked.text)
            question = Question(self._pieces, ids, query, windows, centre=centre)
            rows = [question.features(w, s) for w, s in zip(windows, states, strict=True)]
            return _example(context, asked, passages, np.concatenate(rows)[kept])

        return list(self._pool.map(example, context.questions))

    def _windows(self, context: Context) -> tuple[list[Window], IntArray, IntArray]:
        """The windows; the passages that hold tokens; the row of each passage's first part."""
        bounds = segment(context.text, format="text", granularity="sentence").passages
        encoded = self._base.encode(context.text)
        windows = cut_windows(encoded, bounds, size=self._base.window)
        begins = [window.offsets[window.units[:, 0], 0] for window in windows]
        owner = np.searchsorted(bounds, np.concatenate(begins), side="right") - 1
        passages, kept = np.unique(owner, return_index=True)
        return windows, np.stack([bounds[passages], bounds[passages + 1]], axis=1), kept

    def _states(self, windows: Sequence[Window]) -> list[States]:
        return [unpack(state) for state in self._pool.map(self._read, windows)]

    def _read(self, window: Window) -> tuple[NDArray[np.generic], ...]:
        key = key_of(self._base.name, window)
        state = self._cache.get(key)
        if state is None:
            state = pack(self._base.read(window.token_ids))
            self._cache.put(key, state)
        return state


def _example(
    context: Context, asked: Asked, passages: IntArray, features: NDArray[np.float32]
) -> Example:
    start, end = passages.T
    evidence = evidence_in(start, end, asked.evidence)
    unsure = unmarked(context, asked, start, evidence)
    if context.source not in INCOMPLETE:
        unsure = (evidence > 0) & (2 * evidence < end - start)
    return Example(
        source=context.source,
        features=features,
        length=end - start,
        evidence=evidence,
        unsure=unsure,
        total=sum(b - a for a, b in asked.evidence),
        size=len(context.text),
    )


def unmarked(
    context: Context, asked: Asked, start: IntArray, evidence: IntArray
) -> NDArray[np.bool_]:
    """Which pieces (n,) of a context, beginning at `start`, hold an answer but none of the
    `evidence` (n,): in the sets that do not mark all of it they may be evidence or not."""
    found = np.zeros(len(start), np.bool_)
    if context.source in INCOMPLETE:
        for place in places(context.text, asked.answers):
            found[max(int(np.searchsorted(start, place, side="right")) - 1, 0)] = True
    found &= evidence == 0
    return found


def places(text: str, answers: Sequence[str]) -> Iterator[int]:
    """Where any of the answers stands, those left out that are too short or long to say much."""
    for answer in answers:
        if 3 < len(answer) < 60:
            place = text.find(answer)
            while place >= 0:
                yield place
                place = text.find(answer, place + 1)
