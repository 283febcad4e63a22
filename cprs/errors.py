"""Every error cprs raises on purpose, each with the exit code the command line ends with."""

from __future__ import annotations


class CprsError(Exception):
    """Base of all errors caused by input or environment, never by a bug in cprs.

    The message is one line: what is wrong, where, and what to do about it.
    """

    exit_code = 1


class OptionError(CprsError, ValueError):
    """An option has no meaning here: unknown name, impossible number, options that exclude."""

    exit_code = 2


class TextError(CprsError, ValueError):
    """The text cannot be read: wrong encoding, binary content, broken JSON given as JSON."""

    exit_code = 3


class BudgetError(OptionError):
    """The budget cannot be met: smaller than what must be kept, or than one piece of a unit."""

    exit_code = 4


class WeightsError(CprsError, RuntimeError):
    """A critic's weights are missing, truncated, corrupt or of another version."""

    exit_code = 5


class ServiceError(CprsError, RuntimeError):
    """What runs a critic elsewhere does not answer, or not as it should."""


class Cancelled(CprsError, RuntimeError):
    """The run was cancelled; nothing was written."""

    exit_code = 130


def unknown(what: str, name: str, known: tuple[str, ...] | list[str]) -> OptionError:
    """`OptionError` for a name that is not in `known`, listing what is."""
    return OptionError(f"unknown {what} {name!r}; known: {', '.join(known)}")
