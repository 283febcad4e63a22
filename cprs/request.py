"""A request: what a caller asked for, checked once and for all."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from cprs.decode import PUBLISHED, Decoding
from cprs.effort import Effort, checked
from cprs.errors import OptionError, TextError, unknown
from cprs.guidance import Guidance
from cprs.hops import checked_hops
from cprs.select import Mask
from cprs.units import Role, Units

Ranges = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Request:
    """Documents, guidance and limits of one run; every field has been checked."""

    documents: tuple[str, ...]
    formats: tuple[str | None, ...]
    filenames: tuple[str | None, ...]
    guidance: Guidance
    budget: int | None
    ratio: float | None
    threshold: float | None
    hops: int
    effort: Effort
    decoding: Decoding | None
    protect: tuple[tuple[tuple[int, int], ...], ...]

    @classmethod
    def of(
        cls,
        documents: Sequence[str],
        *,
        query: str | None = None,
        instruction: str | None = None,
        budget: int | None = None,
        ratio: float | None = None,
        threshold: float | None = None,
        granularity: str | None = None,
        formats: str | Sequence[str | None] | None = None,
        filenames: Sequence[str | None] | None = None,
        labels: Sequence[str] | None = None,
        hops: int = 1,
        effort: str = "auto",
        decode: str | Decoding | None = None,
        protect: Sequence[Ranges] = (),
    ) -> Request:
        """Check a caller's options. Raises `OptionError` or `TextError`, saying which and why."""
        texts = _texts(documents)
        if budget is not None and ratio is not None:
            raise OptionError("give budget or ratio, not both: each fixes the length")
        for option, words in (
            ("query", query),
            ("instruction", instruction),
            ("granularity", granularity),
        ):
            if words is not None and not isinstance(words, str):
                raise OptionError(f"{option} must be text (str), got {type(words).__name__}")
        if isinstance(labels, str) or not all(isinstance(label, str) for label in labels or ()):
            raise OptionError(
                f"labels must be a sequence of words, such as ['fact'], got {labels!r}"
            )
        if budget is not None and not _is_whole(budget):
            raise OptionError(f"budget must be a whole number of tokens, got {budget!r}")
        if budget is not None and budget < 1:
            raise OptionError(f"budget must be at least 1 token, got {budget}")
        _numbers(ratio=ratio, threshold=threshold)
        if ratio is not None and not (math.isfinite(ratio) and ratio >= 1):
            raise OptionError(f"ratio must be at least 1 (16 = sixteen times shorter), got {ratio}")
        if threshold is not None and not 0 <= threshold <= 1:
            raise OptionError(f"threshold must lie between 0 and 1, got {threshold}")
        decoding = _decoding(decode)
        if decoding is not None and not (budget is ratio is threshold is None):
            raise OptionError("decode: tags decide alone; leave out budget, ratio and threshold")
        return cls(
            documents=texts,
            formats=_per_document("formats", formats, len(texts)),
            filenames=_per_document("filenames", filenames, len(texts)),
            guidance=Guidance.parse(instruction, query, labels=labels, granularity=granularity),
            budget=None if budget is None else int(budget),
            ratio=ratio,
            threshold=threshold,
            hops=checked_hops(hops),
            effort=checked(effort),
            decoding=decoding,
            protect=_ranges(protect, texts),
        )

    def budget_for(self, tokens_in: int) -> int | None:
        """The budget in tokens, for an input of `tokens_in`; None when a threshold decides."""
        if self.ratio is not None:
            return max(1, int(tokens_in / self.ratio))
        return self.budget

    def protected(self, document: int, units: Units) -> Mask:
        """Which units of a document touch one of its protected ranges."""
        mask = np.zeros(len(units), np.bool_)
        for start, end in self.protect[document]:
            first = np.searchsorted(units.bounds, start, side="right") - 1
            last = np.searchsorted(units.bounds, end, side="left")
            mask[first:last] = True
        # A comma stays only between two neighbours: they are protected with it.
        commas = np.flatnonzero(mask & (units.role == Role.SEPARATOR))
        mask[np.maximum(commas - 1, 0)] = True
        mask[np.minimum(commas + 1, len(units) - 1)] = True
        return mask


def _decoding(decode: str | Decoding | None) -> Decoding | None:
    if isinstance(decode, str) and decode != PUBLISHED:
        raise unknown("decode", decode, [PUBLISHED])
    return Decoding() if isinstance(decode, str) else decode


def _numbers(**options: object) -> None:
    for option, value in options.items():
        if value is not None and not isinstance(value, Real):
            raise OptionError(f"{option} must be a number, got {value!r}")


def _is_whole(number: object) -> bool:
    return isinstance(number, Integral) and not isinstance(number, bool)


def _texts(documents: Sequence[str]) -> tuple[str, ...]:
    if isinstance(documents, str):
        raise OptionError("documents must be a sequence of texts; for one text use compress()")
    texts = tuple(documents)
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise OptionError(
                f"document {number} must be text (str), got {type(text).__name__}: decode it first"
            )
    if not any(text and not text.isspace() for text in texts):
        raise TextError("the text is empty: there is nothing to compress")
    return texts


def _per_document(
    option: str, values: str | Sequence[str | None] | None, count: int
) -> tuple[str | None, ...]:
    if values is None or isinstance(values, str):
        return (values,) * count
    if not isinstance(values, Sequence) or any(
        value is not None and not isinstance(value, str) for value in values
    ):
        raise OptionError(f"{option} must be names (str) or None, got {values!r}")
    if len(values) != count:
        raise OptionError(f"{option} must name one per document ({count}), got {len(values)}")
    return tuple(values)


def _ranges(
    protect: Sequence[Ranges], texts: tuple[str, ...]
) -> tuple[tuple[tuple[int, int], ...], ...]:
    if protect and len(protect) != len(texts):
        raise OptionError(
            f"protect must hold ranges per document ({len(texts)}), got {len(protect)}"
        )
    checked = tuple(map(_pairs, protect))
    for number, pairs in enumerate(checked):
        for start, end in pairs:
            if not 0 <= start < end <= len(texts[number]):
                raise OptionError(
                    f"protected range ({start}, {end}) does not lie in document {number}, "
                    f"which has {len(texts[number])} code points"
                )
    return checked or ((),) * len(texts)


def _pairs(ranges: Ranges) -> tuple[tuple[int, int], ...]:
    try:
        return tuple((operator.index(start), operator.index(end)) for start, end in ranges)
    except (TypeError, ValueError):
        raise OptionError(
            f"protect must be pairs of code points, such as [(0, 120)], got {ranges!r}"
        ) from None
