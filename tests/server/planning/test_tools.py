from __future__ import annotations

import pytest
from cprs_server.planning.sticky import Sticky, key_of
from cprs_server.planning.tools import QUERY, file_of, query_of
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("call", "query"),
    [
        ('search_docs: {"limit": 5, "query": "retry policy"}', "search docs: retry policy"),
        ('webFetch({"url": "https://a.example", "prompt": "the price"})',
         "web Fetch: the price; https://a.example"),
        ('grep {"path": "src", "pattern": "def retry"}', "grep: def retry; src"),
        ("read_file: notes.md", "read file: notes.md"),
        ("list_files", "list files"),
        ('run: {"args": ["a", {"b": "c"}], "command": "ls"}', "run: ls; a; c"),
        ('f: {"query": "broken', 'f: {"query": "broken'),
        ("", ""),
    ],
)  # fmt: skip
def test_the_query_of_a_call(call: str, query: str) -> None:
    assert query_of(call) == query


@settings(deadline=None)
@given(st.text(max_size=3_000))
def test_any_call_has_a_query(call: str) -> None:
    assert len(query_of(call)) <= QUERY
    assert query_of("f: " + "[" * 50_000)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ('read_file: {"path": "src/app/limits.py"}', "limits.py"),
        ("cat docs/a.md", "a.md"),
        ('fetch: {"url": "https://a.example/x"}', ""),
        ('search: {"query": "e.g. this"}', ""),
    ],
)
def test_the_file_of_a_call(call: str, name: str) -> None:
    assert file_of(call, "x = 1\ny = 2\n") == name
    assert file_of(call, "    1\tx = 1\n    2\ty = 2\n") == ""


def test_forms_are_bounded_and_the_first_stays() -> None:
    sticky = Sticky(bytes=10_000)
    sticky.put("a", "first", 1)
    sticky.put("a", "second", 2)
    found = sticky.get("a")
    assert found is not None
    assert found.text == "first"
    sticky.put("huge", "x" * 9_000, 1)
    sticky.put("", "none", 1)
    assert len(sticky) == 1
    for number in range(100):
        sticky.get("a")
        sticky.put(str(number), "x" * 500, 1)
    assert 5 < len(sticky) < 20
    assert sticky.get("a") is not None
    assert sticky.get("0") is None


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_keys_tell_parts_apart(one: list[str], other: list[str]) -> None:
    assert (key_of(*one) == key_of(*other)) == (one == other)
