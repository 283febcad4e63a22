"""Made-up lookups and logs: exact strings to be found among their likes.

Question sets of real text hardly hold such questions, and meaning alone cannot answer them: one
random key looks like another. Everything follows from the seed.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cprs.train.sets.data import Document, Question

_WORDS = (
    "amber anchor apple arrow autumn badger barrel basin beacon birch blanket bottle brass bridge "
    "bronze bucket butter cabin candle canyon carbon castle cedar chalk cherry circle clever cliff "
    "clover cobalt copper coral cotton crimson crystal dagger dancer desert distant dragon eager "
    "early ember engine falcon feather fiddle finger forest fossil gentle ginger glacier golden "
    "granite gravel hammer harbor hazel hidden hollow honest humble hunter indigo island ivory "
    "jacket jasper jolly juniper kettle kitten lantern lemon linen little lively lonely magnet "
    "maple marble meadow mellow mirror modest morning mountain narrow needle nimble nutmeg ocean "
    "olive orange orchid oyster paper parrot pebble pepper pillow planet plastic polite pond "
    "proud purple quiet quick rabbit raven ribbon river rocket rough rusty saddle salmon sandy "
    "scarlet shadow silent silver simple slender sleepy spider spiral steady stone summer sunny "
    "table tender thunder tiger timber tiny tulip turtle velvet violet wagon walnut warm whisper "
    "willow window winter wooden yellow zebra"
).split()

_LINES: tuple[Callable[[str, str], str], ...] = (
    lambda key, value: f'  "{key}": "{value}",',
    lambda key, value: f"{key} = {value}",
    lambda key, value: f"{key}: {value}",
    lambda key, value: f"{key},{value}",
    lambda key, value: f"The entry {key} is stored as {value}.",
    lambda key, value: f"Record {key} -> content ({value})",
)
_ASK = (
    "What is the value of {key}?",
    "Find the entry for the key {key}.",
    "Which value is stored under {key}? Answer with the value only.",
    "Look up {key} and return its content.",
    "Return the value of the following key from the file. Key: {key}",
    "I need the number that belongs to {key}. What is it?",
)
_EVENTS = (
    "connection from {host} accepted",
    "request {id} took {number} ms",
    "session {id} of client {host} expired",
    "cannot open file /data/{word}/{number}: no such file or directory",
    "worker {word}-{number} started with {number} threads",
    "retrying upload of block {id} to {host}",
    "user {word} logged in from {host}",
    "disk {word} is {number} percent full",
    "heartbeat of node {host} missed for {number} seconds",
    "snapshot {id} written",
    "leader changed to {word}",
    "queue {word} drained, {number} messages left",
)
_LEVELS = ("INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR")


def make_documents(*, count: int = 60, seed: int = 0) -> Iterator[Document]:
    """`count` short lookup documents (`synthetic_lookup`) and long logs (`synthetic_log`).

    A log is as long as a context, since two of them joined would answer each other's questions.
    """
    rng = random.Random(seed)
    for number in range(count):
        build = _log if number % 16 == 0 else _lookups
        yield build(rng, f"{number}")


@dataclass(slots=True)
class _Lines:
    """A text under construction; `add` returns where the line lies."""

    parts: list[str] = field(default_factory=list)
    length: int = 0

    def add(self, line: str) -> tuple[int, int]:
        start = self.length
        self.parts.append(line + "\n")
        self.length += len(line) + 1
        return start, start + len(line)


def _lookups(rng: random.Random, name: str) -> Document:
    render, make = rng.choice(_LINES), rng.choice(_KEYS)
    value = rng.choice(_KEYS)
    lines = _Lines()
    places: dict[str, tuple[str, tuple[int, int]]] = {}
    for _ in range(rng.randrange(60, 400)):
        key, content = make(rng), value(rng)
        if key not in places:
            places[key] = content, lines.add(render(key, content))
    asked = rng.sample(sorted(places), 4)
    questions = tuple(
        Question(rng.choice(_ASK).format(key=key), (places[key][1],), (places[key][0],), "line")
        for key in asked
    )
    return Document(name, "synthetic_lookup", "".join(lines.parts), questions)


def _log(rng: random.Random, name: str) -> Document:
    """Lines of few kinds; asked for by what they mention, or by a kind that is rare here."""
    lines = _Lines()
    hosts = [f"10.{rng.randrange(99)}.{rng.randrange(99)}.{rng.randrange(255)}" for _ in range(60)]
    kinds = rng.sample(_EVENTS, 10)
    weights = [400, 300, 200, 100, 60, 30, 2, 2, 1, 1]
    mentions: dict[str, list[tuple[int, int]]] = {}
    by_kind: dict[str, list[tuple[int, int]]] = {}
    second = rng.randrange(10**8)
    for _ in range(rng.randrange(1900, 2200)):
        second += rng.randrange(90)
        kind = rng.choices(kinds, weights)[0]
        host = hosts[min(int(rng.expovariate(0.08)), len(hosts) - 1)]
        event = kind.format(
            host=host,
            id=f"0x{rng.getrandbits(40):x}",
            word=rng.choice(_WORDS),
            number=rng.randrange(900),
        )
        where = lines.add(f"{_clock(second)} {rng.choice(_LEVELS)} [{rng.choice(_WORDS)}] {event}")
        by_kind.setdefault(kind, []).append(where)
        if host in event:
            mentions.setdefault(host, []).append(where)
    asked = [
        Question(rng.choice(asks).format(what), tuple(places), level="line")
        for found, asks in ((mentions, _ASK_MENTION), (by_kind, _ASK_KIND))
        for what, places in _few(found, rng)
    ]
    asked = [Question(_blanks(q.text), q.evidence, level=q.level) for q in asked]
    return Document(name, "synthetic_log", "".join(lines.parts), tuple(asked))


def _few(
    found: dict[str, list[tuple[int, int]]], rng: random.Random
) -> list[tuple[str, list[tuple[int, int]]]]:
    """At most 8 of the things that at most 6 lines are about."""
    rare = sorted((what, places) for what, places in found.items() if len(places) <= 6)
    return rng.sample(rare, min(8, len(rare)))


_ASK_MENTION = (
    "Which lines mention {}?",
    "Show everything about {}.",
    "What did {} do?",
    "List each entry with {}",
)
_ASK_KIND = ("Show entries of this kind: {}", "Where does the log say: {}", "Find lines like: {}")


def _blanks(text: str) -> str:
    for name in ("host", "id", "word", "number"):
        text = text.replace(f"{{{name}}}", "*")
    return text


def _clock(second: int) -> str:
    day, rest = divmod(second, 86_400)
    hour, minute = divmod(rest // 60, 60)
    return f"2024-{day % 12 + 1:02}-{day % 28 + 1:02} {hour:02}:{minute:02}:{rest % 60:02}"


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128)))


def _pair(rng: random.Random) -> str:
    return f"{rng.choice(_WORDS)}-{rng.choice(_WORDS)}"


def _hex(rng: random.Random) -> str:
    return f"{rng.getrandbits(32):08x}"


def _number(rng: random.Random) -> str:
    return str(rng.randrange(10_000, 10_000_000))


def _snake(rng: random.Random) -> str:
    return "_".join(rng.sample(_WORDS, 3))


_KEYS: tuple[Callable[[random.Random], str], ...] = (_uuid, _pair, _hex, _number, _snake)
