"""Public question sets into question sets of cprs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from cprs.errors import unknown
from cprs.train.convert.fields import Note
from cprs.train.convert.hotpotqa import convert_2wiki, convert_hotpotqa
from cprs.train.convert.musique import convert_musique
from cprs.train.convert.qasper import convert_qasper
from cprs.train.convert.squad import convert_cuad, convert_squad
from cprs.train.sets.data import Document

__all__ = ["CONVERTERS", "Converter", "convert"]


class Converter(Protocol):
    """Documents of one public file, in order, one entry in memory at a time.

    `note` is told of entries or questions left out. Raises `TextError` naming file and entry.
    """

    def __call__(self, path: Path, *, note: Note) -> Iterator[Document]: ...


CONVERTERS: dict[str, Converter] = {
    "squad": convert_squad,
    "hotpotqa": convert_hotpotqa,
    "2wiki": convert_2wiki,
    "musique": convert_musique,
    "cuad": convert_cuad,
    "qasper": convert_qasper,
}


def convert(name: str, path: Path, *, note: Note = lambda line: None) -> Iterator[Document]:
    """The documents of a public file of format `name`, one of `CONVERTERS`.

    Documents without any question are left out. Raises `OptionError` for an unknown format.
    """
    if name not in CONVERTERS:
        raise unknown("format", name, list(CONVERTERS))
    return (document for document in CONVERTERS[name](path, note=note) if document.questions)
