"""Transparency: outside what is replaced, a body stays the same to the byte."""

from __future__ import annotations

import base64
import json
import time

import pytest
from cprs_server.wire.base import Path, Text
from cprs_server.wire.places import members
from cprs_server.wire.splice import Edit, splice
from cprs_server.wire.strings import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_json import OBJECTS, STRINGS, Members, write


@st.composite
def ranges(draw: st.DrawFn, length: int) -> list[tuple[int, int, str]]:
    """Ranges within `length` that do not overlap, and what is put there."""
    ends = sorted(draw(st.lists(st.integers(0, length), max_size=6)))
    pairs = zip(ends[::2], ends[1::2], strict=False)
    return [(start, end, draw(STRINGS)) for start, end in pairs]


@settings(deadline=None)
@given(OBJECTS, st.integers(0, 9999), st.data())
def test_every_byte_outside_the_edits_stays(value: Members, seed: int, data: st.DataObject) -> None:
    written = write(value, seed)
    body = written.text.encode()
    edits: list[Edit] = []
    for path, units in written.strings.items():
        for start, end, new in data.draw(ranges(len(units))):
            edits.append(Edit(path, start, end, new))
    if len({(edit.path, edit.start, edit.end) for edit in edits}) == len(edits):
        spliced = splice(body, data.draw(st.permutations(edits)), remove=())
    else:  # what is put at one place stays in order
        spliced = splice(body, edits, remove=())
    # What it must be, from the sources of the code points that were written.
    for path, units in written.strings.items():
        for edit in reversed([edit for edit in edits if edit.path == path]):
            units[edit.start : edit.end] = [encode(edit.text)]
    assert spliced == written.text.encode()


@settings(deadline=None)
@given(OBJECTS, st.integers(0, 9999), st.none() | STRINGS)
def test_members_go_and_the_model_changes_and_nothing_else(
    value: Members, seed: int, model: str | None
) -> None:
    text = write(value, seed).text
    spliced = splice(text.encode(), model=model).decode()
    expected = []
    for key, first, start, end in members(text):
        renamed = key == "model" and model is not None
        source = f'"{encode(model or "")}"' if renamed else text[start:end]
        if key != "cprs":
            expected.append(text[first:start] + source)
    if model is not None and not any(key == "model" for key, _ in value.pairs):
        expected.insert(0, f'"model":"{encode(model)}"')
    found = [spliced[first:end] for _, first, _, end in members(spliced)]
    assert found == expected
    assert json.loads(spliced, parse_int=str) is not None
    before, after = text.index("{") + 1, text.rindex("}")
    assert spliced.startswith(text[:before])
    assert spliced.endswith(text[after:])
    if model is None and "cprs" not in dict(value.pairs):
        assert spliced == text


@pytest.mark.parametrize(
    ("body", "spliced"),
    [
        ('{"cprs":{}}', "{}"),
        ('{ "cprs" : {} }', "{  }"),
        ('{"a":1, "cprs":{}}', '{"a":1}'),
        ('{"cprs":{}, "a":1}', '{"a":1}'),
        ('{"a":1, "cprs":2 , "b":3}', '{"a":1, "b":3}'),
        ('{"a":1 , "cprs":2, "cprs":3 }', '{"a":1 }'),
        ('{"cprs":1,"a":1,"cprs":2,"cprs":3,"b":2,"cprs":4}', '{"a":1,"b":2}'),
        (r'{"\u0063prs":1,"a":{"cprs":1}}', '{"a":{"cprs":1}}'),
    ],
)
def test_our_own_member_goes_with_one_comma(body: str, spliced: str) -> None:
    assert splice(body.encode()).decode() == spliced


def test_a_model_is_set_at_each_of_repeated_keys_or_put_first() -> None:
    body = b'{"model":"a","x":1,"model": "b"}'
    assert splice(body, model='n"') == b'{"model":"n\\"","x":1,"model": "n\\""}'
    assert splice(b'{ "x":1}', model="n") == b'{"model":"n", "x":1}'
    assert splice(b"{}", model="n") == b'{"model":"n"}'
    assert splice(b'{"cprs":1}', model="n") == b'{"model":"n"}'


def test_nothing_to_do_returns_the_body_itself() -> None:
    body = b' {"a" : "\\u00e9"} '
    assert splice(body) is body


def test_edits_of_a_text_file_change_its_base64_alone() -> None:
    text = "a file of umläuts 😀"
    coded = base64.b64encode(text.encode()).decode()
    prefix = "data:text\\/plain;charset=utf-8;base64,"
    body = f'{{"f": "{prefix}{coded}", "t": "\\u00e9"}}'
    file = Text(("f",), text, "document", 0, encoded="base64")
    spliced = json.loads(
        splice(body.encode(), [Edit.of(file, 2, 6, "doc"), Edit.of(file, 18, 19, "!")])
    )
    prefix, _, payload = spliced["f"].partition(",")
    assert prefix == "data:text/plain;charset=utf-8;base64"
    assert base64.b64decode(payload).decode() == "a doc of umläuts !"
    assert splice(body.encode(), [Edit.of(file, 0, 1, "A")]).endswith(b', "t": "\\u00e9"}')


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ([Edit(("a",), 0, 1, "")], "no string at a"),
        ([Edit(("b", 0), 0, 1, "")], "no string at b.0"),
        ([Edit(("s",), 0, 2, ""), Edit(("s",), 1, 3, "")], "overlap"),
        ([Edit(("s",), 0, 99, "")], "beyond"),
        ([Edit(("s",), 2, 1, "")], "ends before it starts"),
        ([Edit(("s",), 0, 1, "", "base64")], "holds no text"),
        ([Edit(("f",), 0, 9, "", "base64")], "beyond the end"),
    ],
)
def test_edits_that_fit_nothing_are_refused(edits: list[Edit], said: str) -> None:
    body = b'{"a": 1, "s": "text!", "f": "aGk="}'
    with pytest.raises(ValueError, match=said):
        splice(body, edits)


@pytest.mark.parametrize(
    ("unit", "ascii_only"),
    [
        ("The quick brown fox.\n", True),
        ("漢字テスト😀", True),
        ("漢字テスト😀", False),
        ("\\", False),
    ],
)
def test_ten_megabytes_take_well_under_a_second(unit: str, ascii_only: bool) -> None:
    once = len(json.dumps(unit, ensure_ascii=ascii_only).encode()) - 2
    text = unit * (10_000_000 // once)
    content = {"model": "m", "cprs": {}, "messages": [{"role": "user", "content": text}]}
    body = json.dumps(content, ensure_ascii=ascii_only).encode()
    path: Path = ("messages", 0, "content")
    start, end = len(text) // 4, len(text) // 4 * 3
    begun = time.process_time()
    spliced = splice(body, [Edit(path, start, end, "kept")], model="n")
    seconds = time.process_time() - begun
    assert json.loads(spliced)["messages"][0]["content"] == text[:start] + "kept" + text[end:]
    assert seconds < 1.0
