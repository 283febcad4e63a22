"""The demo's choice of files and the passages it prints."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from cprs.assemble import Span
from cprs.demo import DEFAULT_SIZE, passages, standard_library
from cprs.files import Source


def test_the_default_haystack_holds_what_the_questions_need() -> None:
    root = Path(sysconfig.get_paths()["stdlib"])
    sources = standard_library(root, limit=DEFAULT_SIZE)
    names = {source.name for source in sources}
    assert {"random.py", "tempfile.py", "concurrent/futures/thread.py"} <= names
    size = sum(len(source.text) for source in sources)
    assert 0.8 * DEFAULT_SIZE < size <= DEFAULT_SIZE
    assert not [name for name in names if "/test" in name or "site-packages" in name]


def test_whole_modules_in_a_fixed_order(tmp_path: Path) -> None:
    for name in ("zebra.py", "random.py", "json/decoder.py", "json/tests/x.py", "alpha.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(name.ljust(100))
    names = [source.name for source in standard_library(tmp_path, limit=300)]
    assert names == ["alpha.py", "json/decoder.py", "random.py"]
    assert len(standard_library(tmp_path, limit=None)) == 4


def test_spans_that_touch_are_one_passage_with_its_line() -> None:
    source = Source("a.py", "x = 1\n\n    def f():\n        return 2\n\nlast\n")
    at = source.text.index
    spans = [
        Span(6, at("        return"), None, 0.5),
        Span(at("        return"), at("\nlast"), None, 0.5),
        Span(at("last"), len(source.text), None, 0.5),
    ]
    assert list(passages([source], spans)) == [
        ("a.py:3", "def f():\n    return 2"),
        ("a.py:6", "last"),
    ]
