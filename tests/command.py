"""Running the command line: inside this process for speed, as a process where that matters."""

from __future__ import annotations

import contextlib
import io
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cprs.cli.app import run as run_app


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command line ended with."""

    code: int
    out: bytes
    err: str

    @property
    def error(self) -> str:
        """The one line that says what went wrong."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("cprs: error: "), self.err
        return lines[0].removeprefix("cprs: error: ")


def run(*arguments: object, stdin: bytes = b"") -> Outcome:
    """A command line inside this process."""
    with _streams(stdin) as (out, err):
        code = run_app([str(argument) for argument in arguments])
        sys.stdout.flush()
        return Outcome(code, out.getvalue(), err.getvalue().decode())


@contextlib.contextmanager
def _streams(stdin: bytes) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    before = sys.stdin, sys.stdout, sys.stderr
    out, err = io.BytesIO(), io.BytesIO()
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin))
    sys.stdout = io.TextIOWrapper(out, encoding="utf-8")
    sys.stderr = io.TextIOWrapper(err, encoding="utf-8", write_through=True)
    try:
        yield out, err
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


def start(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    """`python -m cprs ...` as a process of its own, all streams pipes unless told otherwise."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(
        [sys.executable, "-m", "cprs", *map(str, arguments)],
        # A shell's background job would pass on that Ctrl-C is ignored.
        **{**pipes, "preexec_fn": _heed_interrupts, **options},
    )


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finish(process: subprocess.Popen[bytes], stdin: bytes = b"") -> Outcome:
    """Wait for a process."""
    out, err = process.communicate(stdin, timeout=120)
    return Outcome(process.returncode, out or b"", (err or b"").decode())
