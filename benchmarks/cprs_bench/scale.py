"""How cost grows with length: time per stage, a second question, and peak memory.

    python -m cprs_bench.scale --tokens 64000 512000 2000000 --effort thorough

Each length runs in a process of its own, so that its peak memory is its own. The text is the
source of the running Python's standard library, repeated with a running number where it is too
short. The table is Markdown, with the machine above it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from cprs import Compressor
from cprs_bench.machine import describe, load

QUESTIONS = (
    "How does the random module choose a sample without replacement?",
    "Where is the default timeout of a socket kept?",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One length: tokens, seconds per stage of the first question, the second question, memory."""

    tokens: int
    cut: float
    read: float
    select: float
    second: float
    peak_gb: float
    effort: str

    @property
    def seconds(self) -> float:
        """Of the first question, over all stages."""
        return self.cut + self.read + self.select

    @property
    def per_token(self) -> float:
        """Microseconds of the first question per token."""
        return self.seconds / self.tokens * 1e6


def library() -> Iterator[str]:
    """Source files of the standard library, without end: numbered anew in every round."""
    folder = Path(sysconfig.get_path("stdlib"))
    files = [p for p in sorted(folder.rglob("*.py")) if "site-packages" not in p.parts]
    number = 0
    while True:
        for path in files:
            try:
                yield f"# file {number}: {path.name}\n{path.read_text('utf-8')}\n"
            except UnicodeDecodeError:
                continue
            number += 1


def text_of(tokens: int, compressor: Compressor) -> str:
    """Library source of about `tokens` tokens."""
    parts, size = [], 0
    for part in library():
        parts.append(part)
        size += compressor.counter.count(part)
        if size >= tokens:
            return "".join(parts)
    raise AssertionError("the library has no end")


def measure(tokens: int, *, critic: str, effort: str) -> Row:
    """Two questions about a text of `tokens` tokens, in this process."""
    compressor = Compressor(critic)
    text = text_of(tokens, compressor)
    first, second = (
        compressor.compress(text, query=question, budget=2000, effort=effort)
        for question in QUESTIONS
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Row(
        tokens=first.tokens_in,
        cut=first.timings["cut"],
        read=first.timings["read"],
        select=first.timings["select"],
        second=second.seconds,
        peak_gb=peak / 1e9,
        effort=first.effort,
    )


def in_own_process(tokens: int, *, critic: str, effort: str) -> Row:
    """`measure` in a fresh interpreter."""
    command = [
        *(sys.executable, "-m", "cprs_bench.scale"),
        *("--one", str(tokens), "--critic", critic, "--effort", effort),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return Row(**json.loads(done.stdout))


def table(rows: list[Row]) -> str:
    """The rows as Markdown, with what follows from them."""
    head = ["tokens", "effort", "cut s", "read s", "select s", "tokens/s", "µs per token",
            "2nd question", "peak GB"]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + "---:|" * len(head)]
    for row in rows:
        cells = [
            f"{row.tokens:,}", row.effort, f"{row.cut:.1f}", f"{row.read:.1f}",
            f"{row.select:.2f}", f"{row.tokens / row.seconds:,.0f}", f"{row.per_token:.1f}",
            f"{row.second:.1f} s ({row.seconds / row.second:.1f}x cheaper)", f"{row.peak_gb:.2f}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def growth(rows: list[Row]) -> str:
    """How a token's cost and the peak memory compare between the shortest and longest text."""
    short, long = (pick(rows, key=lambda row: row.tokens) for pick in (min, max))
    same = "" if short.effort == long.effort else f" ({long.effort} against {short.effort})"
    return (
        f"A token of {long.tokens:,} costs {long.per_token / short.per_token:.2f}x one of "
        f"{short.tokens:,}{same}; peak memory at {long.tokens:,}: {long.peak_gb:.2f} GB."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tokens", type=int, nargs="+", default=[64_000, 512_000, 2_000_000])
    parser.add_argument("--critic", default="embedded")
    parser.add_argument("--effort", choices=["fast", "auto", "thorough"], default="auto")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    how = {"critic": options.critic, "effort": options.effort}
    if options.one:
        sys.stdout.write(json.dumps(asdict(measure(options.one, **how))))
        return
    about = {**how, **describe()}
    rows = [in_own_process(tokens, **how) for tokens in options.tokens]
    about["load average at the end"] = load()
    lines = "\n".join(f"- {name}: {value}" for name, value in about.items())
    sys.stdout.write(f"{lines}\n\n{table(rows)}\n\n{growth(rows)}\n")


if __name__ == "__main__":
    main()
