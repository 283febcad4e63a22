"""Long, joined, broken and hostile code: signatures stay above their blocks, and nothing hangs."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

import pytest

from cprs.formats.code import CODE
from cprs.units import PASSAGE_LIMIT, Layout

FORMATS = {each.name: each for each in CODE}
LIBRARY = Path(ast.__file__).parent


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
