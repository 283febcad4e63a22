from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cprs.critics.weights import MANIFEST, MODEL, TOKENIZER, load_weights, write_manifest
from cprs.errors import WeightsError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / MODEL).write_bytes(bytes(range(256)) * 40)
    (tmp_path / TOKENIZER).write_text("{}", encoding="utf-8")
    about = {"base": "tiny", "quantisation": "int8", "window": 8, "width": 4}
    write_manifest(tmp_path, about)
    return tmp_path


def change(folder: Path, edit: Callable[[dict[str, object]], object]) -> None:
    path = folder / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    edit(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


def test_a_whole_folder_loads(folder: Path) -> None:
    weights = load_weights(folder)
    assert (weights.base, weights.window, weights.width) == ("tiny", 8, 4)
    assert len(weights.digest) == 64


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


BREAKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda f: shutil.rmtree(f), f"{MANIFEST} is missing"),
    "no model": (lambda f: (f / MODEL).unlink(), f"{MODEL} is missing"),
    "truncated": (
        lambda f: (f / MODEL).write_bytes((f / MODEL).read_bytes()[:-1]),
        "truncated: 10239 bytes instead of 10240",
    ),
    "too long": (
        lambda f: (f / TOKENIZER).write_text("{}  "),
        f"{TOKENIZER} is too long: 4 bytes instead of 2",
    ),
    "one bit": (lambda f: flip(f / MODEL), f"{MODEL} is corrupt"),
    "manifest no JSON": (lambda f: (f / MANIFEST).write_text("{"), "cannot be read"),
    "manifest binary": (lambda f: (f / MANIFEST).write_bytes(b"\xff\xfe"), "cannot be read"),
    "manifest a list": (lambda f: (f / MANIFEST).write_text("[]"), "has format None"),
    "layers no object": (
        lambda f: change(f, lambda m: m.update(reasoner=3)),
        "'reasoner' does not describe layers",
    ),
    "of the future": (
        lambda f: change(f, lambda m: m.update(format=2)),
        "has format 2, this cprs reads format 1",
    ),
    "a key gone": (lambda f: change(f, lambda m: m.pop("window")), "lacks window"),
    "a width in words": (lambda f: change(f, lambda m: m.update(width="wide")), "width is no"),
    "files no table": (lambda f: change(f, lambda m: m.update(files=3)), "does not list"),
    "a file gone": (
        lambda f: change(f, lambda m: m.update(files={MODEL: {}})),
        f"does not list {TOKENIZER}",
    ),
    "a file unmeasured": (
        lambda f: change(f, lambda m: m.update(files={MODEL: {}, TOKENIZER: {}})),
        "does not vouch for",
    ),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_broken_folder_is_named_with_what_to_do(folder: Path, case: str) -> None:
    damage, message = BREAKS[case]
    damage(folder)
    with pytest.raises(WeightsError) as caught:
        load_weights(folder)
    assert message in str(caught.value)
    assert "reinstall cprs" in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
