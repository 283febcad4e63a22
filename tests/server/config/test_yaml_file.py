"""Variables, lines and repeated keys of a YAML file."""

import contextlib

import pytest
from cprs_server.config.yaml_file import expand, read
from hypothesis import given, settings
from hypothesis import strategies as st

ENVIRONMENT = {"A": "1", "EMPTY": "", "TRAP": "x: ${A}\ny: 2"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${A}", "1"),
        ("x${A}y${A}", "x1y1"),
        ("${NONE:-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY}", ""),
        ("${NONE:-}", ""),
        ("${NONE:-http://h:1/a}", "http://h:1/a"),
        ("$${A}", "${A}"),
        ("$A and $", "$A and $"),
    ],
)
def test_variables(text: str, filled: str) -> None:
    assert expand(text, ENVIRONMENT) == (filled, "")


@pytest.mark.parametrize(("text", "said"), [("${NONE}", "NONE is not set"), ("${a-b}", "write")])
def test_wrong_variables(text: str, said: str) -> None:
    assert said in expand(text, ENVIRONMENT)[1]


def test_a_variable_is_a_value_and_no_yaml() -> None:
    assert read("a: ${TRAP}", ENVIRONMENT).values == {"a": ENVIRONMENT["TRAP"]}


def test_lines_of_keys_and_items() -> None:
    lines = read("a: 1\nb:\n  - c: 2\n    d: 3\n  - e\n", {}).lines
    assert lines[("a",)] == 1
    assert lines[("b", 0, "d")] == 4
    assert lines[("b", 1)] == 5


def test_a_key_that_stands_there_twice() -> None:
    document = read("a: 1\nb: {c: 1, c: 2}\n", {})
    assert document.problems == ((("b", "c"), "the key stands there twice"),)


def test_anchors_and_merges() -> None:
    document = read("a: &a {x: 1}\nb:\n  <<: *a\n  y: 2\n", {})
    assert document.values["b"] == {"x": 1, "y": 2}
    assert document.problems == ()


@pytest.mark.parametrize("text", ["", "# only a remark\n", "---\n"])
def test_empty(text: str) -> None:
    assert read(text, {}).values == {}


@pytest.mark.parametrize(
    "text",
    ["a: [", "a:\n\t- b", "- a", "a: 1\n---\nb: 2", "a: !!python/name:os.system", "a: *b", "\0"],
)
def test_no_settings(text: str) -> None:
    with pytest.raises(ValueError, match=r"YAML|must hold"):
        read(text, {})


@given(st.text(max_size=200))
@settings(deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        read(text, {})
