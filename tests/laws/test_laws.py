"""The laws of design §6, over random texts, questions and selections."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import CASES
from support import DiceCritic

from cprs import BudgetError, Compressed, Compressor
from cprs.formats import known_granularities

WORDS = ["the", "meeting", "Ann", "chaired", "budget", "3.14", "e.g.", "naïve", "Ångström", "会议",
         "预算", "👩‍👩‍👧‍👦", "e\u0301", "क्षि", "שלום", "x_y", "foo()"]  # fmt: skip
ENDS = [". ", "! ", "? ", ".\n", "\n\n", "。", "; ", ", ", " "]

sentences = st.lists(
    st.tuples(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8), st.sampled_from(ENDS)),
    min_size=1,
    max_size=40,
).map(lambda parts: "".join(" ".join(words) + end for words, end in parts))
texts = st.one_of(sentences, st.text(min_size=1, max_size=300).filter(lambda t: t.strip() != ""))
queries = st.sampled_from(["who chaired?", "预算", "number of x_y"])
levels = st.sampled_from([None, "word", "keyphrase", "sentence", "line", "paragraph", "section"])

relaxed = settings(deadline=None, max_examples=150)


def compress(text: str, **options: Any) -> Compressed:
    options.setdefault("format", "text")
    return Compressor(DiceCritic()).compress(text, **options)


def rebuilt(text: str, result: Compressed) -> str:
    """The text that the spans alone say, with the one line break an assembler may add."""
    out, end = "", None
    for span in result.spans:
        if (
            end is not None
            and span.start > end
            and not result.text.startswith(out + text[span.start : span.end])
        ):
            out += "\n"
        out += text[span.start : span.end]
        end = span.end
    return out


@relaxed
@given(texts, queries, levels, st.floats(0, 1))
def test_spans_are_slices_in_source_order(
    text: str, query: str, level: str | None, threshold: float
) -> None:
    result = compress(text, query=query, granularity=level, threshold=threshold)
    ends = [0, *(span.end for span in result.spans)]
    assert all(end <= span.start < span.end for end, span in zip(ends, result.spans, strict=False))
    assert rebuilt(text, result) == result.text


@relaxed
@given(texts, queries, levels, st.integers(1, 60))
def test_a_budget_is_never_exceeded_and_is_used(
    text: str, query: str, level: str | None, budget: int
) -> None:
    critic = DiceCritic()
    try:
        result = compress(text, query=query, granularity=level, budget=budget)
    except BudgetError:
        return  # not even a piece of one unit fits: tests/test_compressor.py has the message
    assert result.tokens_out == len(critic.encode(result.text)) <= budget
    if level in ("word", "sentence") and regex.fullmatch(r"[\w\s.,;!?]*", text):
        # Every unit scores above zero, and the last one is cut where it no longer fits.
        largest = 9
        assert result.tokens_out >= min(result.tokens_in, budget - largest)


@relaxed
@given(texts, queries, levels)
def test_text_that_fits_is_unchanged(text: str, query: str, level: str | None) -> None:
    size = max(1, len(DiceCritic().encode(text)))
    result = compress(text, query=query, granularity=level, budget=size)
    assert result.text == text
    assert result.documents == (text,)


@relaxed
@given(texts, queries, levels, st.integers(1, 40), st.integers(0, 40))
def test_a_larger_budget_keeps_a_superset(
    text: str, query: str, level: str | None, budget: int, more: int
) -> None:
    def kept(budget: int) -> set[int]:
        try:
            result = compress(text, query=query, granularity=level, budget=budget)
        except BudgetError:
            return set()
        return {i for span in result.spans for i in range(span.start, span.end)}

    assert kept(budget) <= kept(budget + more)


@relaxed
@given(texts, queries, levels, st.data())
def test_protected_ranges_survive(
    text: str, query: str, level: str | None, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    result = compress(text, query=query, granularity=level, threshold=1.0, protect=[(start, end)])
    kept = {i for span in result.spans for i in range(span.start, span.end)}
    assert set(range(start, end)) <= kept
    assert text[start:end] in result.text


@relaxed
@given(texts, queries, levels, st.integers(1, 4), st.integers(2, 64))
def test_same_bytes_whatever_the_workers(
    text: str, query: str, level: str | None, workers: int, window: int
) -> None:
    critic = DiceCritic(window=window)
    one, many = (
        Compressor(critic, workers=n).compress(
            text, query=query, granularity=level, format="text", threshold=0.5
        )
        for n in (1, workers)
    )
    assert one.text == many.text
    assert one.spans == many.spans


@relaxed
@given(texts, queries, levels, st.floats(0, 1))
def test_no_grapheme_is_split(text: str, query: str, level: str | None, threshold: float) -> None:
    borders = {0, *(m.end() for m in regex.finditer(r"\X", text))}
    result = compress(text, query=query, granularity=level, threshold=threshold)
    assert all(span.start in borders and span.end in borders for span in result.spans)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@relaxed
@given(values, queries, st.sampled_from([None, 1, 4]), st.sampled_from(["record", "member"]),
       st.floats(0, 1))  # fmt: skip
def test_json_stays_json(
    value: object, query: str, indent: int | None, level: str, threshold: float
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    result = compress(text, query=query, format="json", granularity=level, threshold=threshold)
    json.loads(result.text)


records = st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(), min_size=1), min_size=1)


@relaxed
@given(records, queries, st.floats(0, 1))
def test_json_records_are_kept_or_counted(
    rows: list[dict[str, int]], query: str, threshold: float
) -> None:
    result = compress(json.dumps(rows), query=query, format="json", threshold=threshold)
    kept = json.loads(result.text)
    assert all(row in rows for row in kept)
    assert len(kept) == result.kept.get("record", 0)
    assert len(rows) == result.kept.get("record", 0) + result.dropped.get("record", 0)


@relaxed
@given(st.lists(st.lists(st.text("ab,\"\n 1", max_size=5), min_size=2, max_size=2), min_size=1),
       queries, st.floats(0, 0.9))  # fmt: skip
def test_a_table_keeps_its_header(rows: list[list[str]], query: str, threshold: float) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["name", "value"], *rows])
    result = compress(out.getvalue(), query=query, format="csv", threshold=threshold)
    table = list(csv.reader(io.StringIO(result.text)))
    if table:
        assert table[0] == ["name", "value"]
        assert all(row in rows for row in table[1:])


def test_a_function_keeps_its_signature() -> None:
    import ast
    import inspect
    import random

    text = inspect.getsource(random)
    names = {n.name for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)}
    result = compress(text, query="how is a sample drawn", format="python", ratio=4)
    for line in result.text.splitlines():
        if found := regex.match(r"\s*def (\w+)", line):
            assert found[1] in names
    bodies = [text[s.start : s.end] for s in result.spans if "return" in text[s.start : s.end]]
    assert bodies
    for span in result.spans:
        start = text.rfind("\n    def ", 0, span.end)
        if start > 0 and text[span.start : span.end].startswith("        "):
            signature = text[start + 1 : text.index("\n", start + 1)]
            assert signature in result.text


@pytest.mark.parametrize("budget", [4, 10, 30])
def test_documents_share_one_budget(budget: int) -> None:
    documents = ["Ann chaired the meeting. Bob left early.", "", "Lunch was late. It was soup."]
    result = Compressor(DiceCritic()).compress_many(documents, query="lunch", budget=budget)
    assert result.tokens_out <= budget
    assert len(result.documents) == 3
    for span in result.spans:
        assert documents[span.document][span.start : span.end] in result.documents[span.document]


@pytest.mark.parametrize(
    ("format", "text", "level"),
    [(name, text, level) for name, text in CASES for level in known_granularities(name)],
)
def test_what_fits_is_unchanged_in_every_format(format: str, text: str, level: str) -> None:
    result = compress(text, query="q", format=format, granularity=level, budget=10**7)
    assert result.text == text
