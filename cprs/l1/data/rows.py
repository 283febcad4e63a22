"""Rows of public sets: a file of JSON, JSON lines, CSV or TSV, or what `datasets` loads."""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cprs.errors import OptionError, TextError

Row = Mapping[str, Any]
_TABLES = {".csv": ",", ".tsv": "\t"}


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file. One JSON object of objects (as Qasper is) gives these, each with its key
    as `_key`. Raises `TextError`, naming the line, for what holds no rows."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{path}: cannot be read: {error}") from error
    if path.suffix.lower() in _TABLES:
        csv.field_size_limit(1 << 30)
        yield from csv.DictReader(io.StringIO(text), delimiter=_TABLES[path.suffix.lower()])
        return
    try:
        value = json.loads(text)
    except ValueError:
        yield from _lines(path, text)
        return
    if isinstance(value, dict) and value and all(isinstance(v, dict) for v in value.values()):
        value = [{"_key": key, **inner} for key, inner in value.items()]
    elif isinstance(value, dict):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise TextError(f"{path}: holds no rows; expected a list of JSON objects")
    yield from value


def hub_rows(name: str, *, split: str) -> Iterator[Row]:
    """The rows of a set as `datasets` loads it; `name` may end in ":" and a configuration. Raises
    `OptionError` where it cannot be had."""
    library: Any = importlib.import_module("datasets")
    place, _, config = name.partition(":")
    try:
        yield from library.load_dataset(place, config or None, split=split)
    except (OSError, ValueError, RuntimeError) as error:
        raise OptionError(f"{name}: cannot be loaded: {' '.join(str(error).split())}") from error


def _lines(path: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise TextError(f"{path}:{number}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise TextError(f"{path}:{number}: not a JSON object")
        yield row
