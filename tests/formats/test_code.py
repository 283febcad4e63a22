"""Source code: golden cuts per language, signatures that stay, languages told apart."""

from __future__ import annotations

import pytest
from code_samples import GOLDEN

from cprs.errors import OptionError
from cprs.formats.code import CODE, CodeFormat
from cprs.units import Role

FORMATS = {each.name: each for each in CODE}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_functions(name: str) -> None:
    text, expected = GOLDEN[name]
    units = FORMATS[name].layout(text, "function").units
    assert [(unit.kind, unit.parent) for unit in units] == [row[:2] for row in expected]
    for unit, (kind, _, shown) in zip(units, expected, strict=True):
        piece = text[unit.start : unit.end]
        first, dots, last = shown.partition("...")
        assert piece == shown if not dots else piece.startswith(first) and piece.endswith(last)
        roles = {"close": Role.CLOSE, "scope": Role.FRAME}
        assert unit.role == roles.get(kind, Role.CONTENT)


@pytest.mark.parametrize("name", GOLDEN)
def test_windows_line_ends_change_nothing(name: str) -> None:
    text, expected = GOLDEN[name]
    units = FORMATS[name].layout(text.replace("\n", "\r\n"), "function").units
    assert [(unit.kind, unit.parent) for unit in units] == [row[:2] for row in expected]


def test_golden_lines() -> None:
    text = (
        "/* é */\nclass A {\n  int f(int a,\n        int b) {\n"
        "    if (a) {\n      g();\n    }\n  }\n}\n"
    )
    units = FORMATS["java"].layout(text, "line").units
    assert [(u.kind, u.parent, text[u.start : u.end].strip()) for u in units] == [
        ("line", -1, "/* é */"),
        ("signature", -1, "class A {"),
        ("signature", 1, "int f(int a,\n        int b) {"),
        ("line", 2, "if (a) {"),
        ("line", 2, "g();"),
        ("close", 3, "}"),
        ("close", 2, "}"),
        ("close", 1, "}"),
    ]
    text = "@a\ndef f(\n    x,\n):  # c\n    y = 1\n    def g():\n        z\n    w\nv\n"
    units = FORMATS["python"].layout(text, "line").units
    assert [(u.kind, u.parent, text[u.start : u.end].strip()) for u in units] == [
        ("signature", -1, "@a\ndef f(\n    x,\n):  # c"),
        ("line", 0, "y = 1"),
        ("signature", 0, "def g():"),
        ("line", 2, "z"),
        ("line", 0, "w"),
        ("line", -1, "v"),
    ]


def test_unknown_granularity() -> None:
    with pytest.raises(OptionError, match="known: function, line"):
        FORMATS["go"].layout("", "sentence")


@pytest.mark.parametrize("name", GOLDEN)
def test_detection_tells_languages_apart(name: str) -> None:
    sure = {each.name: each.detect(GOLDEN[name][0]) for each in CODE}
    assert sure[name] > 0.5
    assert max(sure, key=lambda each: sure[each]) == name


@pytest.mark.parametrize(
    "sample",
    [
        "",
        "Import duties rose. We return now to the class of 1990, for a while.\n" * 5,
        "for a man:\nif he will:\nwhile he can:\n",
        '{"a": 1,\n "b": [1, 2]}\n',
        "id,name\n1,Ann\n",
        "# Title\n\nSome text; more text.\n\n- item\n",
        "2024-01-01 10:00:00 INFO started\n2024-01-01 10:00:01 INFO x = 1;\n",
    ],
)
def test_detection_leaves_other_texts_alone(sample: str) -> None:
    assert all(each.detect(sample) < 0.5 for each in CODE if isinstance(each, CodeFormat))


@pytest.mark.parametrize(
    ("name", "text", "quote"),
    [
        ("python", 'def f():\n    x = """one\n    two\n    """\n    return x\n', '"""'),
        ("javascript", "function f() {\n  const x = `one\n  two`;\n  return x;\n}\n", "`"),
        ("go", "func f() string {\n\tx := `one\ntwo`\n\treturn x\n}\n", "`"),
    ],
)
def test_lines_of_one_string_are_one_unit(name: str, text: str, quote: str) -> None:
    units = FORMATS[name].layout(text, "line").units
    assert len(units) >= 3
    assert all(text[unit.start : unit.end].count(quote) % 2 == 0 for unit in units)
