"""Writing results: whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Mapping
from typing import IO

import typer

from cprs.cli.exits import Exit
from cprs.errors import CprsError
from cprs.staging import stage


def check_writable(path: str) -> None:
    """Raise `CprsError` for an output that could not be written, before any work is done."""
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        raise CprsError(f"{path}: a folder; name a file to write")
    if not os.path.isdir(folder):
        raise CprsError(f"{path}: there is no folder {folder}")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise CprsError(f"{path}: no permission to write here")


def write_files(contents: Mapping[str, bytes]) -> None:
    """Write all files or none: each beside its place first, then renamed into it.

    Pipes and devices (`/dev/null`) are written in place. Raises `CprsError` naming the file.
    """
    staged: dict[str, str] = {}
    path = ""
    try:
        for path, data in contents.items():
            if _in_place(path):
                with open(path, "wb") as file:
                    file.write(data)
            else:
                staged[path] = stage(os.path.realpath(path), _writer(data))
        for path, temporary in staged.items():
            os.replace(temporary, os.path.realpath(path))
    except OSError as error:
        raise CprsError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        for temporary in staged.values():
            if os.path.exists(temporary):
                os.unlink(temporary)


def write_stdout(data: bytes) -> None:
    """These bytes and nothing else on standard output. Ends quietly if its reader has gone."""
    if sys.stdout is None:
        raise CprsError("standard output is closed; name a file with -o")
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Python would complain again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(Exit.PIPE) from None
    except OSError as error:
        raise CprsError(f"standard output: cannot be written: {error.strerror}") from error


def _in_place(path: str) -> bool:
    return os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode)


def _writer(data: bytes) -> Callable[[IO[bytes]], int]:
    return lambda file: file.write(data)
