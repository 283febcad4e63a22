"""Public sets into examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cprs.errors import CprsError, OptionError, TextError, unknown
from cprs.l1.data import documents, multihop
from cprs.l1.data.rows import Row
from cprs.l1.example import Example

SETS = (
    "docmath", "frames", "2wikimultihopqa", "hotpotqa", "musique", "narrativeqa", "qasper",
    "multihoprag",
)  # fmt: skip


SUPPORTED = ("2wikimultihopqa", "hotpotqa", "musique")
"""Those that say which of their texts bear on a question."""


def convert(
    name: str,
    rows: Iterable[Row],
    *,
    corpus: Mapping[str, str] | None = None,
    supporting: bool = False,
) -> Iterator[Example]:
    """The examples of the set `name`, in the order of its rows; those in LongBench's layout are
    known by it. `corpus`: MultiHopRAG's articles. `supporting` leaves out the texts that do not
    bear on a question, as the short texts of preference pairs do.

    Raises `OptionError` for a set that is not known, `TextError`, naming the row, for one that is
    not in the set's public layout.
    """
    if name not in SETS:
        raise unknown("set", name, SETS)
    if name == "multihoprag" and corpus is None:
        raise OptionError("MultiHopRAG's articles are in a file of their own: name it")
    if supporting and name not in SUPPORTED:
        raise OptionError(
            f"{name} does not say which texts bear on a question; these do: {', '.join(SUPPORTED)}"
        )
    for number, row in enumerate(rows, 1):
        try:
            yield from _converted(name, row, f"{name}-{number}", corpus or {}, supporting)
        except CprsError as error:
            raise TextError(f"{name}, row {number}: {error}") from error
        except KeyError as error:
            raise TextError(f"{name}, row {number}: there is no {error.args[0]!r}") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise TextError(f"{name}, row {number}: not its public layout: {error}") from error


def _converted(
    name: str, row: Row, uid: str, corpus: Mapping[str, str], supporting: bool
) -> Iterator[Example]:
    if "input" in row and "context" in row and "answers" in row:
        if supporting:
            raise OptionError("LongBench does not say which texts bear on a question")
        return documents.longbench(row, name)
    match name:
        case "docmath":
            return documents.docmath(row, name)
        case "frames":
            return documents.frames(row, name, uid)
        case "narrativeqa":
            return documents.narrativeqa(row, name, uid)
        case "qasper":
            return documents.qasper(row, name)
        case "musique":
            return multihop.musique(row, name, supporting=supporting)
        case "multihoprag":
            return multihop.multihoprag(row, name, corpus, uid)
        case _:
            return multihop.wiki(row, name, supporting=supporting)
