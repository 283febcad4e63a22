"""Runs all parts, or those named, one after another, and writes one JSON and one Markdown file.

    python -m cprs_bench.gpu --out results --seconds 520
    python -m cprs_bench.gpu --out results --parts ceiling "7b ours fp8"

Each part is a process with a limit of its own: one that fails, hangs or runs out of memory loses
what it had not told yet, and no other part's findings. Both files are written anew after each.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cprs_bench.gpu.parts import PARTS
from cprs_bench.gpu.record import told
from cprs_bench.gpu.table import markdown

NAME = "gpu"
LEFT_OUT = "left out: no time left"
_LAST_LINES = 12
_ENDING = 3.0
"""Seconds that are kept for writing and for ending processes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The number of parts that failed, at most 100."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", "gpu-results")))
    parser.add_argument("--seconds", type=float, default=520.0, help="for everything together")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--tiny", action="store_true", help="a rehearsal on any machine")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + given.seconds
    found: dict[str, Any] = {}
    for name in given.parts:
        part, left = PARTS[name], until - time.monotonic() - _ENDING
        if left < part.least:
            found[name] = {"ended": LEFT_OUT, "seconds": 0.0, "found": []}
        else:
            found[name] = _run(name, given.out, min(part.seconds, left), tiny=given.tiny)
        sys.stderr.write(f"{name}: {found[name]['ended']}, {found[name]['seconds']:.0f} s\n")
        _write(given.out, found, tiny=given.tiny)
    bad = [name for name, one in found.items() if one["ended"] not in ("whole", LEFT_OUT)]
    return min(len(bad), 100)


def _run(name: str, out: Path, seconds: float, *, tiny: bool) -> dict[str, Any]:
    """One part: what it told, how it ended, and its last words where it failed."""
    stem = name.replace(" ", "-").replace(",", "").replace(".", "_")
    lines, log = out / f"{stem}.jsonl", out / f"{stem}.log"
    lines.unlink(missing_ok=True)
    command = [sys.executable, "-m", "cprs_bench.gpu.part", name, str(lines)]
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command + ["--tiny"] * tiny, stdout=output, stderr=output, start_new_session=True
        )
        try:
            code: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
            # Its own processes, such as a compiler's, hold the GPU too.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    ended = "whole" if code == 0 else f"stopped after {seconds:.0f} s" if code is None else "failed"
    record = {"ended": ended, "seconds": time.monotonic() - began, "found": list(told(lines))}
    if code != 0:
        words = log.read_text(encoding="utf-8", errors="replace").splitlines()
        record["said"] = "\n".join(words[-_LAST_LINES:])
    lines.unlink(missing_ok=True)
    return record


def _write(out: Path, found: dict[str, Any], *, tiny: bool) -> None:
    whole = {"tiny": tiny, "parts": found}
    (out / f"{NAME}.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    (out / f"{NAME}.md").write_text(markdown(whole), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
