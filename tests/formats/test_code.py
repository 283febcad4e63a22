"""Source code: golden cuts per language, signatures that stay, broken and hostile code."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

import pytest

from cprs.errors import OptionError
from cprs.formats.code import CODE, CodeFormat
from cprs.units import PASSAGE_LIMIT, Layout, Role

FORMATS = {each.name: each for each in CODE}
LIBRARY = Path(ast.__file__).parent

PYTHON = '''\
"""Module."""
import os
import sys

X = 1

# About f.
@cache
def f(
    a,
):
    """Doc."""
    return a


class A(B):
    """Doc."""

    y = 2

    def g(self):
        return 1
'''
JAVASCRIPT = """\
import a from "a";

/** Adds. */
export function add(x, y) {
  return x + y;
}

class Foo extends Bar {
  z = 1;
  method() {
    return a;
  }
}
const f = async (q) => {
  await q;
};
module.exports = { f };
"""
TYPESCRIPT = """\
import { A } from "./a";
interface I { a: string }
namespace N {
  export abstract class C<T> {
    @dec()
    private m(): void {
      return;
    }
  }
}
type X = string | number;
"""
JAVA = """\
package a.b;
import x.Y;

/** Doc. */
@Foo
public class A {
  private int x;

  @Override
  public int m() {
    return x;
  }

  enum E { P; int f() { return 1; } }
}
"""
GO = """\
package main

import "fmt"

// T is.
type T struct {
	a int
}

// M does.
func (t *T) M() error {
	return nil
}
"""
C = """\
#ifndef X_H
#define X_H
#include <a.h>

struct point {
  int x;
};

/* add */
static int
add(int a, int b)
{
  return a + b;
}
#ifdef Q
void g(void) { }
#else
void h(void) { }
#endif
#endif
"""
CPP = """\
#include <vector>
namespace a {
template <typename T>
class V : public W {
 public:
  int get() const { return x; }
};  // V
}  // namespace a
"""
RUST = """\
use std::io;

/// Doc
#[derive(Debug)]
pub struct P {
    x: i32,
}

impl P {
    /// New.
    pub fn new() -> Self {
        P { x: 1 }
    }
}
mod tests {
    #[test]
    fn t() {}
}
"""

# (kind, parent, first and last characters) of each unit.
GOLDEN = {
    "python": (
        PYTHON,
        [
            ("block", -1, '"""Module."""\n'),
            ("block", -1, "import os\nimport sys\n\n"),
            ("block", -1, "X = 1\n\n"),
            ("function", -1, "# About f.\n...return a\n\n\n"),
            ("class", -1, 'class A(B):\n    """Doc."""\n\n'),
            ("block", 4, "    y = 2\n\n"),
            ("function", 4, "    def g(self):\n        return 1\n"),
        ],
    ),
    "javascript": (
        JAVASCRIPT,
        [
            ("block", -1, 'import a from "a";\n\n'),
            ("function", -1, "/** Adds. */\n...}\n\n"),
            ("class", -1, "class Foo extends Bar {\n"),
            ("block", 2, "  z = 1;\n"),
            ("function", 2, "  method() {\n    return a;\n  }\n"),
            ("close", 2, "}\n"),
            ("function", -1, "const f = async (q) => {\n  await q;\n};\n"),
            ("block", -1, "module.exports = { f };\n"),
        ],
    ),
    "typescript": (
        TYPESCRIPT,
        [
            ("block", -1, 'import { A } from "./a";\n'),
            ("class", -1, "interface I { a: string }\n"),
            ("scope", -1, "namespace N {\n"),
            ("class", 2, "  export abstract class C<T> {\n"),
            ("function", 3, "    @dec()\n...    }\n"),
            ("close", 3, "  }\n"),
            ("close", 2, "}\n"),
            ("block", -1, "type X = string | number;\n"),
        ],
    ),
    "java": (
        JAVA,
        [
            ("block", -1, "package a.b;\nimport x.Y;\n\n"),
            ("class", -1, "/** Doc. */\n@Foo\npublic class A {\n"),
            ("block", 1, "  private int x;\n\n"),
            ("function", 1, "  @Override\n...  }\n\n"),
            ("class", 1, "  enum E { P; int f() { return 1; } }\n"),
            ("close", 1, "}\n"),
        ],
    ),
    "go": (
        GO,
        [
            ("block", -1, 'package main\n\nimport "fmt"\n\n'),
            ("block", -1, "// T is.\n...}\n\n"),
            ("function", -1, "// M does.\n...}\n"),
        ],
    ),
    "c": (
        C,
        [
            ("scope", -1, "#ifndef X_H\n"),
            ("block", 0, "#define X_H\n"),
            ("block", 0, "#include <a.h>\n\n"),
            ("class", 0, "struct point {\n  int x;\n};\n\n"),
            ("function", 0, "/* add */\n...}\n"),
            ("scope", 0, "#ifdef Q\n"),
            ("function", 5, "void g(void) { }\n"),
            ("scope", 5, "#else\n"),
            ("function", 7, "void h(void) { }\n"),
            ("close", 5, "#endif\n"),
            ("close", 0, "#endif\n"),
        ],
    ),
    "cpp": (
        CPP,
        [
            ("block", -1, "#include <vector>\n"),
            ("scope", -1, "namespace a {\n"),
            ("class", 1, "template <typename T>\nclass V : public W {\n"),
            ("block", 2, " public:\n"),
            ("function", 2, "  int get() const { return x; }\n"),
            ("close", 2, "};  // V\n"),
            ("close", 1, "}  // namespace a\n"),
        ],
    ),
    "rust": (
        RUST,
        [
            ("block", -1, "use std::io;\n\n"),
            ("class", -1, "/// Doc\n...}\n\n"),
            ("class", -1, "impl P {\n"),
            ("function", 2, "    /// New.\n...    }\n"),
            ("close", 2, "}\n"),
            ("scope", -1, "mod tests {\n"),
            ("function", 5, "    #[test]\n    fn t() {}\n"),
            ("close", 5, "}\n"),
        ],
    ),
}


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


def tiles(text: str, layout: Layout) -> None:
    for bounds in (layout.units.bounds, layout.passages):
        assert bounds[0] == 0
        assert bounds[-1] == len(text)
        assert (bounds[1:] > bounds[:-1]).all()
    assert max(layout.passages[1:] - layout.passages[:-1], default=0) <= PASSAGE_LIMIT


def test_long_functions_are_cut_behind_their_signature() -> None:
    body = "".join(f"    if x > {i}:\n        call({i})\n" for i in range(100))
    text = f'def f(x):\n    """Doc."""\n{body}    return x\n'
    layout = FORMATS["python"].layout(text, "function")
    units = list(layout.units)
    assert units[0].kind == "signature"
    assert text[: units[0].end] == 'def f(x):\n    """Doc."""\n'
    assert len(units) > 5
    for unit in units[1:]:
        piece = text[unit.start : unit.end]
        assert (unit.kind, unit.parent) == ("block", 0)
        assert piece.count("\n") <= 25
        ast.parse(textwrap.dedent(piece).replace("return x", "x"))


def test_no_string_is_cut() -> None:
    text = "X = [\n" + '    """\n' + "    word\n" * 60 + '    """,\n' + "    1,\n" * 60 + "]\n"
    for unit in FORMATS["python"].layout(text, "function").units:
        assert text[unit.start : unit.end].count('"""') % 2 == 0


def test_the_standard_library_keeps_signatures() -> None:
    """Over real files: every function is in one unit, or its signature is above its blocks."""
    found = 0
    for name in ("argparse.py", "dataclasses.py", "typing.py", "textwrap.py", "_pydecimal.py"):
        text = (LIBRARY / name).read_text("utf-8")
        layout = FORMATS["python"].layout(text, "function")
        tiles(text, layout)
        units = list(layout.units)
        starts = [0]
        for line in text.split("\n"):
            starts.append(starts[-1] + len(line) + 1)
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.FunctionDef):
                continue
            first, last = starts[node.lineno - 1], starts[node.end_lineno or 0]
            head = next(i for i, unit in enumerate(units) if unit.start <= first < unit.end)
            inside = [i for i, unit in enumerate(units) if first < unit.start < last]
            if units[head].kind == "signature" and units[head].start == first:
                found += 1
            for i in inside:
                above = units[i].parent
                while above >= 0 and above != head:
                    above = units[above].parent
                # A function inside of a larger block is cut with that block.
                assert above == head or units[head].kind == "block"
    assert found > 3


def test_many_files_joined() -> None:
    text = "".join(path.read_text("utf-8") for path in sorted(LIBRARY.glob("[a-d]*.py")))
    for granularity in ("function", "line"):
        layout = FORMATS["python"].layout(text, granularity)
        tiles(text, layout)
        kinds = [unit.kind for unit in layout.units]
        assert kinds.count("function" if granularity == "function" else "signature") > 1_000


MINIFIED = "!function(){" + "".join(
    f"function f{i}(a,b){{var c=a+b;if(c>{i}){{return g(c,'x')}}else{{return[1,2]}}}};"
    for i in range(3_000)
)

HOSTILE = {
    "python": [
        "[" * 100_000,
        "(" * 20_000 + ")" * 20_000,
        "".join(" " * i + "if x:\n" for i in range(400)),
        "".join(" " * i + "def x():\n" for i in range(400)),
        '"""' * 30_001,
        "\\\n" * 30_000,
        "\x00\ud800x=1\r\ndef f():\r\n  pass\r\n" * 500,
        "\ufeffdef f():\r    return 1\r",
        "def f(:\n  x ==\nclass )\n" * 1_000,
    ],
    "javascript": [
        MINIFIED + "}();",
        MINIFIED,
        "function f(){\n" * 5_000 + "}\n" * 5_000,
        "`${" * 20_000,
        "a=" * 20_000 + "1;",
    ],
    "c": ["#if 1\n" * 5_000 + "#endif\n" * 5_000, "{" * 100_000, "\u0301}\u0301;\u0600" * 500],
    "cpp": ["namespace a{" * 5_000 + "}" * 5_000, 'R"(' * 20_000],
    "rust": ["/*" * 30_000, 'r#"' * 30_000, "mod a{" * 5_000 + "}" * 5_000],
    "java": ["class A{" * 5_000 + "}" * 5_000],
    "tsx": ["{/*" * 30_000],
}


@pytest.mark.parametrize("granularity", ["function", "line"])
@pytest.mark.parametrize(
    ("name", "number"), [(name, i) for name, texts in HOSTILE.items() for i in range(len(texts))]
)
def test_hostile_code(name: str, number: int, granularity: str) -> None:
    text = HOSTILE[name][number]
    tiles(text, FORMATS[name].layout(text, granularity))


def test_minified_code_is_cut_into_functions() -> None:
    units = FORMATS["javascript"].layout(MINIFIED + "}();", "function").units
    assert [unit.kind for unit in units].count("function") == 3_000


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
