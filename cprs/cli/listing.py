"""`cprs critics` and `cprs formats`: the names the options take."""

from __future__ import annotations

from cprs.cli.output import write_stdout
from cprs.critics import known_critics
from cprs.formats import FORMATS


def critics() -> None:
    """List the critics that --critic names. A path to a critic's folder is one too."""
    write_stdout("".join(f"{name}\n" for name in known_critics()).encode())


def formats() -> None:
    """List the formats, their file endings and granularities."""
    rows = [
        (format.name, " ".join(format.extensions) or "-", " ".join(format.granularities))
        for format in FORMATS
    ]
    rows.insert(0, ("format", "files", "granularities"))
    wide = [max(len(row[i]) for row in rows) + 2 for i in range(2)]
    lines = [f"{a.ljust(wide[0])}{b.ljust(wide[1])}{c}\n" for a, b, c in rows]
    write_stdout("".join(lines).encode())
