"""Targets: which tokens and passages are evidence, and which are not known."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.train.reason.targets import targets_of
from cprs.train.sets.contexts import Context
from cprs.train.sets.data import Question
from cprs.windows import Encoded, Window, cut_windows

TEXT = "aaaa bbbb. cccc dddd. eeee ffff. gggg hhhh. "
PASSAGES = np.array([0, 11, 22, 33, 44])


def windows(size: int) -> list[Window]:
    """A token per word, two per passage."""
    starts = np.array([i for i in range(len(TEXT)) if TEXT[i - 1] == " "], np.int64)
    offsets = np.stack([starts, starts + 4], axis=1)
    return cut_windows(Encoded(np.arange(8, dtype=np.int32), offsets), PASSAGES, size=size)


def context(source: str = "set") -> Context:
    return Context(source, "en", TEXT, ())


def tags(question: Question, size: int = 8) -> str:
    found = targets_of(context(), question, windows(size))
    return "|".join("".join("BIOE"[tag] for tag in target.tags) for target in found)


def test_spans_begin_go_on_and_end() -> None:
    assert tags(Question("q", ((11, 31),))) == "OOBIIEOO"
    assert tags(Question("q", ((0, 4), (5, 9)))) == "BBOOOOOO"
    assert tags(Question("q", ((2, 7),))) == "BEOOOOOO"


def test_spans_go_on_across_a_windows_edge() -> None:
    assert tags(Question("q", ((11, 31),)), size=4) == "OOBI|IEOO"
    assert tags(Question("q", ((0, 44),)), size=4) == "BIII|IIII"


def test_passages_are_evidence_by_half() -> None:
    whole, part = (0, 9), (11, 15)
    found = targets_of(context(), Question("q", (whole, part)), windows(8))[0]
    assert found.passages.tolist() == [1, 0, 0, 0]
    assert found.known.tolist() == [True, False, True, True]
    only = targets_of(context(), Question("q", (part,)), windows(8))[0]
    assert only.passages.tolist() == [0, 1, 0, 0]
    assert only.known.all()
    fine = targets_of(context(), Question("q", (whole, part), level="span"), windows(8))[0]
    assert fine.passages.tolist() == [1, 1, 0, 0]
    assert fine.known.all()


def test_answers_elsewhere_are_not_known_where_evidence_is_incomplete() -> None:
    question = Question("q", ((0, 9),), answers=("eeee", "bbbb", "hh"))
    found = targets_of(context("policyqa"), question, windows(8))[0]
    assert found.known.tolist() == [True, True, False, True]
    assert targets_of(context(), question, windows(8))[0].known.all()


def test_labels_by_name_and_the_first_where_there_is_none() -> None:
    spans = ((0, 9), (22, 31))
    named = Question("q", spans, labels=("name", "date"))
    found = targets_of(context(), named, windows(8), labels=("date", "name"))[0]
    assert found.labels.tolist() == [2, 2, 0, 0, 1, 1, 0, 0]
    plain = targets_of(context(), Question("q", spans), windows(8), labels=("fact",))[0]
    assert plain.labels.tolist() == [1, 1, 0, 0, 1, 1, 0, 0]
    none = targets_of(context(), Question("q", spans), windows(8))[0]
    assert not none.labels.any()


@settings(deadline=None)
@given(
    st.sets(st.integers(0, 43), max_size=8).map(sorted),
    st.integers(1, 8),
)
def test_tags_mark_the_tokens_that_evidence_touches(cuts: list[int], size: int) -> None:
    spans = tuple(zip(cuts[::2], cuts[1::2], strict=False))
    cut = windows(size)
    for window, target in zip(cut, targets_of(context(), Question("q", spans), cut), strict=True):
        for (start, end), tag in zip(window.offsets, target.tags, strict=True):
            assert (tag != 2) == any(a < end and start < b for a, b in spans)
