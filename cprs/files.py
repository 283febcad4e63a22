"""Reading what a user names: files, folders and standard input, as text, verbatim.

Line endings, NUL bytes and trailing blanks stay as they are; a byte order mark is taken off.
What cannot be read is named with its reason and byte offset: as an error where the user named
it, as a `Skipped` entry where a folder happened to hold it.
"""

from __future__ import annotations

import codecs
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from cprs.errors import OptionError, TextError

STDIN = "-"
SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules"})

_BOMS: tuple[tuple[bytes, str], ...] = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),  # before UTF-16, whose mark is its beginning
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\xfd7zXZ\x00", "an XZ archive"),
    (b"BZh", "a bzip2 archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x7fELF", "a program"),
    (b"\xca\xfe\xba\xbe", "a compiled class"),
    (b"\x00asm", "a WebAssembly module"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old office document"),
    (b"PAR1", "a Parquet table"),
    (b"OggS", "an Ogg recording"),
    (b"RIFF", "a RIFF recording"),
)
# A text may hold a NUL or two; more than this share of its bytes and it is something else.
_NUL_COUNT, _NUL_SHARE = 4, 0.02


@dataclass(frozen=True, slots=True)
class Source:
    """A text and the name it goes by: the path as the user wrote it, or "-" for stdin."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something inside a folder that was not read, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything read, in order, and everything a folder held that was not."""

    files: tuple[Source, ...]
    skipped: tuple[Skipped, ...] = ()


def read_sources(
    names: Sequence[str], *, encoding: str | None = None, stdin: BinaryIO | None = None
) -> Sources:
    """Read files, folders (recursively, sorted by name) and "-"; each path once.

    Folders skip hidden entries, `__pycache__` and `node_modules`, and anything that is no text.

    Raises:
        TextError: a named file is missing, unreadable, binary or in another encoding, or a
            folder holds no text at all.
        OptionError: there is no such encoding.
    """
    files: list[Source] = []
    skipped: list[Skipped] = []
    seen: set[str] = set()
    for name in names:
        if name == STDIN:
            if STDIN not in seen:
                files.append(read_stdin(encoding=encoding, stdin=stdin))
            seen.add(STDIN)
        elif os.path.isdir(name):
            texts = 0
            for entry in _walk(name):
                if isinstance(entry, Skipped):
                    skipped.append(entry)
                    continue
                try:
                    if _first_time(entry, seen):
                        files.append(read_file(entry, encoding=encoding))
                    texts += 1
                except TextError as error:
                    skipped.append(Skipped(entry, str(error).removeprefix(f"{entry}: ")))
            if not texts:
                raise TextError(f"{name}: no text file in this folder")
        elif _first_time(name, seen):
            files.append(read_file(name, encoding=encoding))
    return Sources(tuple(files), tuple(skipped))


def read_file(name: str, *, encoding: str | None = None) -> Source:
    """Read one file (or pipe) as text. Raises `TextError` naming the file and the reason."""
    try:
        mode = os.stat(name).st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
            raise TextError(f"{name}: a device or socket, not a file")
        with open(name, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise TextError(f"{name}: no such file or folder") from None
    except IsADirectoryError:
        raise TextError(f"{name}: a folder, not a file") from None
    except TextError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise TextError(f"{name}: cannot be read: {reason}") from None
    return Source(name, decode(data, name=name, encoding=encoding))


def read_stdin(*, encoding: str | None = None, stdin: BinaryIO | None = None) -> Source:
    """Read standard input to its end as text."""
    if stdin is None and sys.stdin is None:
        raise TextError("standard input is closed; name a file")
    stream = sys.stdin.buffer if stdin is None else stdin
    try:
        data = stream.read()
    except OSError as error:
        raise TextError(f"standard input: cannot be read: {error.strerror}") from None
    return Source(STDIN, decode(data, name="standard input", encoding=encoding))


def decode(data: bytes, *, name: str, encoding: str | None = None) -> str:
    r"""Bytes as text: by `encoding`, else by byte order mark, else strict UTF-8.

    >>> decode(b"\xff\xfea\x00", name="x")
    'a'
    >>> decode(b"na\xefve", name="x", encoding="latin-1")
    'naïve'

    Raises `TextError` naming the byte, or `OptionError` for an unknown encoding.
    """
    codec = "utf-8" if encoding is None else _known(encoding)
    marks = _BOMS if encoding is None else _BOMS[:1] if codec == "utf-8" else ()
    mark, codec = next((bom for bom in marks if data.startswith(bom[0])), (b"", codec))
    if encoding is None and not mark:
        _refuse_binary(data, name)
    try:
        return str(memoryview(data)[len(mark) :], codec)
    except UnicodeDecodeError as error:
        at = error.start + len(mark)
        byte = f" (0x{data[at]:02x})" if at < len(data) else ""
        raise TextError(f"{name}: not {codec} at byte {at:,}{byte}; {_remedy(encoding)}") from None
    except UnicodeError as error:
        raise TextError(f"{name}: not {codec}: {error}; {_remedy(encoding)}") from None


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        str(b"a", name)  # some codecs ("hex") are not of text
    except UnicodeError:  # a codec of longer units, then
        return name
    except (LookupError, ValueError):
        raise OptionError(
            f"unknown encoding {encoding!r}; known are utf-8, utf-16, latin-1, cp1252, gb18030, "
            "shift_jis and all others of Python"
        ) from None
    return name


def _remedy(encoding: str | None) -> str:
    if encoding is None:
        return "name its encoding, such as --encoding latin-1"
    return "try another --encoding"


def _refuse_binary(data: bytes, name: str) -> None:
    for magic, what in _MAGIC:
        if data.startswith(magic) and (b"\x00" in data or not _is_utf8(data)):
            raise TextError(f"{name}: {what}, not text (byte 0); convert it to text first")
    nuls = data.count(b"\x00")
    if nuls >= _NUL_COUNT and nuls > _NUL_SHARE * len(data):
        at = data.index(b"\x00")
        raise TextError(
            f"{name}: binary, not text: NUL at byte {at:,}, {nuls:,} in all; "
            "if it is UTF-16, say --encoding utf-16-le"
        )


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _walk(folder: str) -> Iterator[str | Skipped]:
    """Files below a folder in a fixed order: its files by name, then its folders by name."""

    def refuse(error: OSError) -> None:
        unreadable.append(Skipped(str(error.filename), f"cannot be read: {error.strerror}"))

    unreadable: list[Skipped] = []
    for here, folders, names in os.walk(folder, onerror=refuse):
        hidden = [f for f in folders if f.startswith(".") or f in SKIPPED_FOLDERS]
        folders[:] = sorted(set(folders).difference(hidden))
        for name in sorted(hidden):
            yield Skipped(os.path.join(here, name), "hidden or generated folder")
        for name in sorted(names):
            path = os.path.join(here, name)
            if name.startswith("."):
                yield Skipped(path, "hidden file")
            elif not os.path.isfile(path):
                yield Skipped(path, "not a regular file")
            else:
                yield path
    yield from unreadable


def _first_time(name: str, seen: set[str]) -> bool:
    path = os.path.realpath(name)
    if path in seen:
        return False
    seen.add(path)
    return True
