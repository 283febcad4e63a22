"""JSON: strictness of the scanner, which records are found, and that any selection is valid."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cprs.errors import OptionError, TextError
from cprs.formats.json_format import JsonFormat
from cprs.formats.json_scan import scan_json
from cprs.units import PASSAGE_LIMIT, Layout, Role

FORMAT = JsonFormat()

STRINGS = st.text(max_size=6) | st.sampled_from(
    ['"', "\\", "],[", "a\\", "é\u0301", "\ud800", "x\n"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | STRINGS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(STRINGS, inner, max_size=5),
    max_leaves=30,
)


def spaced(value: Any, rng: random.Random) -> str:
    """`value` as JSON with white space wherever JSON allows it."""

    def ws() -> str:
        return rng.choice(["", "", "", " ", "\n", "\r\n  ", "\t"])

    def dump(value: Any) -> str:
        if isinstance(value, list):
            body = ",".join(ws() + dump(each) + ws() for each in value)
            return "[" + (body or ws()) + "]"
        if isinstance(value, dict):
            body = ",".join(
                ws() + text(key) + ws() + ":" + ws() + dump(each) + ws()
                for key, each in value.items()
            )
            return "{" + (body or ws()) + "}"
        return text(value)

    def text(value: Any) -> str:
        return json.dumps(value, ensure_ascii=rng.random() < 0.5)

    return ws() + dump(value) + ws()


def selected(text: str, layout: Layout, chosen: set[int]) -> str:
    """The text of some CONTENT units and what `cprs.units.Role` says comes along."""
    units = list(layout.units)
    kept = chosen | set(layout.required)
    for i in list(kept):
        while units[i].parent >= 0:
            i = units[i].parent
            kept.add(i)
    for parent in sorted(kept):
        waiting, seen = -1, False
        for i, unit in enumerate(units):
            if unit.parent != parent:
                continue
            if unit.role == Role.CLOSE:
                kept.add(i)
            elif unit.role == Role.SEPARATOR:
                waiting = i
            elif i in kept:
                if seen and waiting >= 0:
                    kept.add(waiting)
                waiting, seen = -1, True
    return "".join(text[units[i].start : units[i].end] for i in sorted(kept))


def content(layout: Layout) -> list[int]:
    return [i for i, unit in enumerate(layout.units) if unit.role == Role.CONTENT]


class Pairs(list[Any]):
    """An object as its (key, value) pairs, so that repeated keys stay apart."""


def parsed(text: str) -> Any:
    return json.loads(text, object_pairs_hook=Pairs)


def own_value(piece: str) -> Any:
    """The value of a unit's slice, with or without a key."""
    try:
        return parsed(piece)
    except ValueError:
        return parsed("{" + piece + "}")[0][1]


def leaves(value: Any) -> list[Any]:
    if isinstance(value, Pairs) and value:
        return [leaf for _, each in value for leaf in leaves(each)]
    if isinstance(value, list) and value:
        return [leaf for each in value for leaf in leaves(each)]
    return [value]


@settings(deadline=None, max_examples=150)
@given(VALUES, st.randoms(use_true_random=False), st.sampled_from(FORMAT.granularities))
def test_any_selection_is_valid_json(value: Any, rng: random.Random, granularity: str) -> None:
    text = spaced(value, rng)
    layout = FORMAT.layout(text, granularity)
    able = content(layout)
    for chosen in (set(), set(able), {i for i in able if rng.random() < 0.5}):
        out = selected(text, layout, chosen)
        result = parsed(out)
        kept = [own_value(text[u.start : u.end]) for u in (layout.units[i] for i in sorted(chosen))]
        expected = [leaf for each in kept for leaf in leaves(each)]
        if chosen or layout.units[0].role == Role.CONTENT:
            found = leaves(result)
            assert found == expected or layout.units[0].role == Role.CONTENT
        else:
            assert result in ([], Pairs())
    assert selected(text, layout, set(able)) == text


@settings(deadline=None)
@given(st.lists(SCALARS | st.dictionaries(STRINGS, SCALARS, max_size=3), min_size=1), st.randoms())
def test_kept_and_dropped_records_add_up(records: list[Any], rng: random.Random) -> None:
    text = spaced(records, rng)
    layout = FORMAT.layout(text, "record")
    able = content(layout)
    assert len(able) == len(records)
    keep = [rng.random() < 0.4 for _ in able]
    out = json.loads(selected(text, layout, {i for i, k in zip(able, keep, strict=True) if k}))
    assert out == [record for record, k in zip(records, keep, strict=True) if k]


BITS = r"""
    { } [ ] , : "a" " \ 1 - 0 .5 e3 true nul null NaN Infinity -Infinity "\u12" "\ud834" é 'a' //
    01 1. +1 [[ """
TOKENS = st.lists(
    st.sampled_from(BITS.split())
    | st.sampled_from([" ", "\n", "\t", "\x0b", "\x00", '"\n"', '"\u2028"', '{"k":']),
    max_size=12,
).map("".join)


@settings(deadline=None, max_examples=500)
@given(TOKENS | VALUES.map(json.dumps))
@example("1 2")
@example("[1,]")
@example('{"a":1,}')
@example("[1}")
@example('{"a" 1}')
def test_accepts_what_the_standard_library_accepts(text: str) -> None:
    try:
        json.loads(text)
        valid = True
    except ValueError:
        valid = False
    if valid:
        scan_json(text)
    else:
        with pytest.raises(TextError, match=r"broken JSON at line \d+, column \d+"):
            scan_json(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: expected a value, found the end"),
        ('{"a": 1,\n "b" 2}', "line 2, column 6: expected ':', found '2'"),
        ("[1,\n\n 2 3]", "line 3, column 4: expected ','"),
        ("[1}", "line 1, column 3: expected ',' or ']', found '}'"),
        ("{'a': 1}", "column 2: expected a key in double quotes"),
        ('["ab\n"]', "column 2: a string with a bad escape, a control character or no end"),
        ("[1] x", "column 5: expected the end, found 'x'"),
        ("[1, 2", "column 6: expected ',' or a closing bracket, found the end"),
    ],
)
def test_errors_name_the_place(text: str, message: str) -> None:
    with pytest.raises(TextError) as caught:
        FORMAT.layout(text, "record")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_is_no_error() -> None:
    assert [u.kind for u in FORMAT.layout("\ufeff[1]", "record").units][1] == "record"


def test_unknown_granularity() -> None:
    with pytest.raises(OptionError, match="known: record, member"):
        FORMAT.layout("[]", "sentence")


def cut(text: str, granularity: str = "record") -> list[tuple[str, str]]:
    layout = FORMAT.layout(text, granularity)
    return [
        (unit.kind, text[unit.start : unit.end])
        for unit in layout.units
        if unit.role == Role.CONTENT
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"a":1},{"a":2}]', [("record", '{"a":1}'), ("record", '{"a":2}')]),
        ("[1, [2, 3]]", [("record", "1"), ("record", " [2, 3]")]),
        (
            '{"data": {"items": [{"a": 1}, {"a": 2}]}, "meta": {"n": 2}, "v": 3}',
            [
                ("record", '{"a": 1}'),
                ("record", ' {"a": 2}'),
                ("member", ' "meta": {"n": 2}'),
                ("member", ' "v": 3'),
            ],
        ),
        (
            '{"u1":{"name":"A","x":1},"u2":{"name":"B"}}',
            [("record", '"u1":{"name":"A","x":1}'), ("record", '"u2":{"name":"B"}')],
        ),
        ('{"a":{"x":1},"b":{"y":2}}', [("member", '"a":{"x":1}'), ("member", '"b":{"y":2}')]),
        (
            '{"a\\\\":{"k\\\\":1},"b":{"k\\\\":2}}',
            [("record", '"a\\\\":{"k\\\\":1}'), ("record", '"b":{"k\\\\":2}')],
        ),
        ('"alone"', [("value", '"alone"')]),
        ("{ }", [("value", "{ }")]),
    ],
)
def test_records_are_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert cut(text) == expected


def test_members_are_the_finest_units() -> None:
    assert cut('{"a": {"b": [1, {}]}, "c": "d"}', "member") == [
        ("member", "1"),
        ("member", " {}"),
        ("member", ' "c": "d"'),
    ]


def test_indentation_stays() -> None:
    text = json.dumps([{"a": 1}, {"b": [2]}, {"c": 3}], indent=2)
    layout = FORMAT.layout(text, "record")
    able = content(layout)
    assert selected(text, layout, {able[1]}) == json.dumps([{"b": [2]}], indent=2)
    assert selected(text, layout, {able[0], able[2]}) == json.dumps([{"a": 1}, {"c": 3}], indent=2)


def test_a_long_record_is_opened() -> None:
    text = json.dumps([{"id": 1}, {"id": 2, "body": "word " * 1000}])
    assert [kind for kind, _ in cut(text)] == ["record", "member", "member"]


@pytest.mark.parametrize("granularity", FORMAT.granularities)
@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 50_000 + "1" + "}" * 50_000,
        json.dumps([{"id": i, "v": "x" * 20} for i in range(25_000)], separators=(",", ":")),
        '["' + "\\n" * 500_000 + '"]',
    ],
    ids=["deep arrays", "deep objects", "minified", "one long string"],
)
def test_adversarial_documents(text: str, granularity: str) -> None:
    layout = FORMAT.layout(text, granularity)
    assert layout.units.bounds[-1] == layout.passages[-1] == len(text)
    assert max(layout.passages[1:] - layout.passages[:-1]) <= PASSAGE_LIMIT


@pytest.mark.parametrize("text", ["[" * 100_000, '"' + "a\\n" * 300_000, '{"a":' * 50_000 + "}"])
def test_adversarial_broken_documents(text: str) -> None:
    with pytest.raises(TextError):
        FORMAT.layout(text, "record")


@pytest.mark.parametrize(
    ("sample", "likely"),
    [
        ('{"a": [1, 2', True),
        ('[\n  {"key": "val', True),
        ("[1] See the note.", False),
        ("[2024-01-01] started", False),
        ("[INFO] started", False),
        ("{{ template }}", False),
        ('{"a": 1}\n{"a": 2}\n', False),
        ("", False),
        ("plain text", False),
    ],
)
def test_detection(sample: str, likely: bool) -> None:
    assert (FORMAT.detect(sample) > 0.5) is likely
