"""The exit codes of every command: the help prints them and the tests hold them to it."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """What `cprs` ends with. 1 to 5 and 130 are `cprs.errors.CprsError.exit_code`."""

    OK = 0
    OTHER = 1
    OPTION = 2
    TEXT = 3
    BUDGET = 4
    WEIGHTS = 5
    BUG = 70
    INTERRUPTED = 130
    PIPE = 141


MEANING: dict[Exit, str] = {
    Exit.OK: "done",
    Exit.OTHER: "an output cannot be written, an optional package is missing, or a check failed",
    Exit.OPTION: "an option is unknown, impossible, or excludes another",
    Exit.TEXT: "a text cannot be read: missing, binary, wrong encoding, broken JSON",
    Exit.BUDGET: "the budget is too small for what must be kept",
    Exit.WEIGHTS: "a critic's weights are missing, corrupt or of another version",
    Exit.BUG: "a bug in cprs; CPRS_DEBUG=1 shows the traceback",
    Exit.INTERRUPTED: "interrupted by Ctrl-C; nothing was written",
    Exit.PIPE: "the reader of the output closed it early",
}
