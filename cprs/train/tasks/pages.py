"""Texts written by hand for cprs, of many kinds of writing, with everything in them marked.

A page is a file in `pages/`. Its head names the page's own kinds, `= kind | one | many | labels`,
each with several names between semicolons; `[kind]` there marks whole units. `! keyphrase` says
that its technical terms are marked. Below, each line is a unit: `[kind, ...]` before it says what
it is as a whole, `{kind|words}` what the words in it are.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import regex

from cprs.errors import TextError
from cprs.train.tasks import scenes
from cprs.train.tasks.base import Order
from cprs.train.tasks.composed import Block, Composed, compose, ended, prose
from cprs.train.tasks.haystack import Haystack
from cprs.train.tasks.marked import Marked
from cprs.train.tasks.vary import varied
from cprs.train.tasks.wishes import WISHES, Wish

FOLDER = Path(__file__).parent / "pages"
OWN_ONLY = 3_000
"""Code points up to which a text is one page and prose, so that its own kinds can be asked for."""

_KIND = regex.compile(r"= (\[?)([a-z]+)\]? \|([^|]+)\|([^|]+)\|([^|]+)")
_LIST = regex.compile(r"(?:[-*•]|\d+[.)]|[A-Z]\w* ?\w*:) |.*\|")
_STAMPED = ("date", "time", "duration", "timestamp")
_LOGGED = ("error", "warning", "info", "debug", "trace")
_CODE = ("import", "constant")


@dataclass(frozen=True, slots=True)
class Page:
    """Paragraphs of marked units, and what the page's own kinds are called. `terms`: its technical
    terms are marked; `log`: its units are log lines."""

    name: str
    paragraphs: tuple[tuple[Marked, ...], ...]
    own: Mapping[str, Wish]
    terms: bool
    log: bool

    @property
    def common(self) -> Mapping[str, Wish]:
        """The kinds known everywhere that are all marked here."""
        # A log's warning and a manual's are called the same and are not.
        unlike = [*(_STAMPED if self.log else _LOGGED), *_CODE]
        unlike += ["caution", "complaint"] if self.log else []
        unlike += [] if self.terms else ["keyphrase"]
        here = {m.kind for part in self.paragraphs for unit in part for m in unit.marks}
        return {kind: wish for kind, wish in WISHES.items() if kind in here or kind not in unlike}


def read_page(path: Path) -> Page:
    """One page. Raises `TextError` for a file that is none."""
    head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
    lines = head.split("\n")
    kinds = [_KIND.fullmatch(line) for line in lines if not line.startswith("!")]
    if not body.strip() or None in kinds:
        raise TextError(f"{path}: not a page: lines `= kind | one | many | labels`, then a text")
    own: dict[str, Wish] = {}
    for kind in filter(None, kinds):
        one, many, labels = (
            tuple(name.strip() for name in kind[at].split(";")) for at in (3, 4, 5)
        )
        own[kind[2]] = Wish(one, many, labels, labels, whole=bool(kind[1]))
    return Page(
        name=path.name.split(".")[0],
        paragraphs=tuple(
            tuple(Marked.parse(line) for line in paragraph.split("\n") if line.strip())
            for paragraph in body.strip().split("\n\n")
        ),
        own=own,
        terms="! keyphrase" in lines,
        log=path.name.endswith(".log.txt"),
    )


@cache
def pages(folder: Path = FOLDER) -> tuple[Page, ...]:
    """The pages of a folder, by name."""
    return tuple(read_page(path) for path in sorted(folder.glob("*.txt")))


def page(order: Order) -> Composed:
    """A page, with some of its things replaced, and made-up prose; a longer text has several
    pages, and is then not asked for what one of them alone marks."""
    rng = order.rng
    order = replace(order, hay=Haystack())
    first = rng.choice(pages())
    chosen = [first]
    if order.length > OWN_ONLY and rng.random() < 0.5:
        alike = [other for other in pages() if other.log is first.log and other is not first]
        chosen += rng.sample(alike, min(2, len(alike)))
    left = [(part, one.log) for one in chosen for part in _paragraphs(one, rng)]
    hay = prose(order)

    def block() -> Block:
        if not left or (len(chosen) == 1 and rng.random() < 0.2):
            return [Marked(next(hay)) for _ in range(rng.randrange(1, 5))], " "
        part, log = left.pop(0)
        return [varied(unit, rng) for unit in part], "\n" if log else _glue(part, rng)

    made = compose(order, ended(order, block, lambda: scenes.mention(rng)))
    common = set.intersection(*(set(one.common) for one in chosen))
    wishes = {kind: WISHES[kind] for kind in WISHES if kind in common}
    own = first.own if len(chosen) == 1 else {}
    return replace(made, wishes={**wishes, **own})


def _paragraphs(one: Page, rng: random.Random) -> list[tuple[Marked, ...]]:
    """A page's paragraphs, at times from a later one on, so that a short text has its end too."""
    start = rng.randrange(len(one.paragraphs)) if rng.random() < 0.4 else 0
    return [*one.paragraphs[start:], *one.paragraphs[:start]]


def _glue(part: tuple[Marked, ...], rng: random.Random) -> str:
    """What stands between units: list items, turns and rows have a line of their own."""
    if any(_LIST.match(unit.text) for unit in part):
        return "\n"
    return rng.choice((" ", " ", " ", "\n"))
