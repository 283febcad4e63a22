"""JSON lines: what examples, triplets, pairs and other programs' outputs are kept in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cprs.errors import TextError


def read_objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a file of JSON lines, each with where it stands, `path:line`.

    A line ends with a line feed alone: other marks that end one, such as U+2028, may stand in
    JSON's texts. Raises `TextError`, naming the line, for one that is no object.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield f"{path}:{number}", _object(line, f"{path}:{number}")
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{path}: cannot be read: {error}") from error


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        found: Any = json.loads(line)
    except ValueError as error:
        raise TextError(f"{where}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise TextError(f"{where}: not a JSON object")
    return found
