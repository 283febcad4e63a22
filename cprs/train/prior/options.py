"""What the commands that fit something are told, and where they say how far they are."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def parser(module: str, about: str | None, *, queries: int, out: Path) -> argparse.ArgumentParser:
    """The options of `python -m MODULE`: `queries` and `out` are its defaults."""
    found = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    found.add_argument("--data", type=Path, required=True, help="folder of question sets")
    found.add_argument(
        "--haystack", type=Path, nargs="+", default=[], help="texts to put documents into"
    )
    found.add_argument("--queries", type=int, default=queries, help="questions per set")
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--weights", type=Path, help="the base's folder; the shipped one by default")
    found.add_argument("--out", type=Path, default=out)
    found.add_argument(
        "--held-out",
        type=int,
        default=0,
        metavar="N",
        help="also fit N times without an Nth of the sets and print what the rest predicts of them",
    )
    return found


def say(line: str) -> None:
    """A line of progress, at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
