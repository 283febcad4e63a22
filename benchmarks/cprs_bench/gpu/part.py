"""Runs one part: `python -m cprs_bench.gpu.part NAME FILE [--tiny]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from cprs_bench.gpu.parts import PARTS
from cprs_bench.gpu.record import Size, teller


def main() -> None:
    """What the part finds is appended to FILE."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=list(PARTS))
    parser.add_argument("file", type=Path)
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args()
    PARTS[given.name].run(teller(given.file), Size(tiny=given.tiny))


if __name__ == "__main__":
    main()
