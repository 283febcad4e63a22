"""Kinds of things an instruction can ask for: how they look, the sentences that hold them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cprs.train.tasks.values import TOWNS, pair, person

_MONTHS = (
    "January February March April May June July August September October November December"
).split()
_UNITS = ["kilograms", "litres", "metres", "hours", "degrees", "volts", "hectares"]


@dataclass(frozen=True, slots=True)
class Kind:
    """`make` draws one; `carriers` are sentences (or whole lines) around `{}`.

    `names` say what they are, in the plural; `labels` are words to tag them with in training,
    `unseen` words kept out of it. `style` "line" is for what stands on a line of its own, which
    is then the evidence with all that is on it.
    """

    name: str
    names: tuple[str, ...]
    make: Callable[[random.Random], str]
    carriers: tuple[str, ...]
    labels: tuple[str, ...]
    unseen: tuple[str, ...]
    style: Literal["inline", "line"] = "inline"
    like: str = ""


def _date(rng: random.Random) -> str:
    day, month, year = rng.randrange(1, 29), rng.randrange(1, 13), rng.randrange(1950, 2040)
    name = _MONTHS[month - 1]
    return rng.choice(
        (
            f"{year}-{month:02}-{day:02}",
            f"{day} {name} {year}",
            f"{name} {day}, {year}",
            f"{day:02}/{month:02}/{year}",
        )
    )


def _email(rng: random.Random) -> str:
    return f"{pair(rng).replace('-', '.')}@{rng.choice(TOWNS).lower()}.example"


def _url(rng: random.Random) -> str:
    return f"https://{pair(rng)}.example/{rng.choice(TOWNS).lower()}"


def _price(rng: random.Random) -> str:
    amount = f"{rng.randrange(1, 900)}.{rng.randrange(100):02}"
    return rng.choice((f"${amount}", f"{amount} euros", f"€{amount}", f"{amount} dollars"))


def _phone(rng: random.Random) -> str:
    return f"+{rng.randrange(20, 99)} {rng.randrange(100, 999)} {rng.randrange(10**5, 10**6)}"


def _percent(rng: random.Random) -> str:
    return f"{rng.randrange(1, 100)}{rng.choice(('%', ' percent'))}"


def _measure(rng: random.Random) -> str:
    return f"{rng.randrange(2, 900)} {rng.choice(_UNITS)}"


def _error(rng: random.Random) -> str:
    return rng.choice(
        (
            f"ERROR {pair(rng)}: connection refused",
            f"ERROR cannot open {pair(rng)}.dat: no such file",
            f"ERROR {pair(rng)} failed after {rng.randrange(2, 90)} tries",
        )
    )


def _assignment(rng: random.Random) -> str:
    return f"VAR {pair(rng).upper().replace('-', '_')} = {rng.randrange(1, 99_999)}"


def _todo(rng: random.Random) -> str:
    return f"TODO: {rng.choice(('check', 'repaint', 'return', 'order'))} the {pair(rng)}"


KINDS = (
    Kind(
        "date",
        ("dates", "calendar dates"),
        _date,
        (
            "The meeting was held on {}.",
            "It was signed on {}.",
            "{} is the day it opened.",
            "Since {} the gate has been shut.",
        ),
        ("date", "day"),
        ("when", "calendar"),
    ),
    Kind(
        "person",
        ("names of people", "full names of people", "people"),
        person,
        (
            "The letter is from {}.",
            "{} chaired the meeting.",
            "It was given to {} for safe keeping.",
            "The house belongs to {}.",
        ),
        ("person", "name"),
        ("human", "who"),
    ),
    Kind(
        "email",
        ("e-mail addresses", "email addresses"),
        _email,
        ("Write to {} for details.", "Questions go to {}, please.", "The reply came from {}."),
        ("email", "contact"),
        ("mail", "mailbox"),
    ),
    Kind(
        "url",
        ("links", "web addresses", "URLs"),
        _url,
        ("The map is at {} for all to see.", "More can be read under {} any time."),
        ("link", "website"),
        ("page", "address"),
    ),
    Kind(
        "price",
        ("prices", "amounts of money"),
        _price,
        ("The ticket costs {} at the door.", "They paid {} for the boat.", "{} was all it took."),
        ("price", "money"),
        ("cost", "amount"),
    ),
    Kind(
        "phone",
        ("phone numbers", "telephone numbers"),
        _phone,
        ("Call {} in an emergency.", "The number of the office is {}."),
        ("phone", "number"),
        ("telephone", "call"),
    ),
    Kind(
        "percentage",
        ("percentages", "percentage figures"),
        _percent,
        ("About {} of the harvest was lost.", "Turnout rose to {} this time."),
        ("percentage", "share"),
        ("ratio", "part"),
    ),
    Kind(
        "measurement",
        ("measurements", "quantities with their unit"),
        _measure,
        ("The tank was found to hold {} in all.", "The scale showed {} at the end."),
        ("measurement", "quantity"),
        ("measure", "size"),
    ),
    Kind(
        "error",
        ("error lines", "lines that report an error", "errors in the log"),
        _error,
        ("{}",),
        ("error", "failure"),
        ("problem", "fault"),
        "line",
        "ERROR name: what failed",
    ),
    Kind(
        "assignment",
        ("assignments", "variable assignments", "lines that assign a variable"),
        _assignment,
        ("{}",),
        ("assignment", "variable"),
        ("binding", "setting"),
        "line",
        "VAR A = B",
    ),
    Kind(
        "todo",
        ("open tasks", "to-do lines", "notes of work to be done"),
        _todo,
        ("{}",),
        ("task", "todo"),
        ("work", "pending"),
        "line",
        "TODO: what to do",
    ),
)
"""No sentence or value of one kind holds one of another."""
