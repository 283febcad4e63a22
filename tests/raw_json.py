"""JSON as clients really write it: any escapes, any white space, repeated keys, odd numbers."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Members:
    """An object whose keys may repeat."""

    pairs: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Number:
    """A number in its own writing."""

    source: str


_PLAIN = st.text(max_size=12)
_ODD = st.text(st.sampled_from('"\\/\n\t\b\x1f é漢😀\x7f\u2028\ud800\udc00'), max_size=12)


def _unpaired(text: str) -> bool:
    # Written as escapes, two halves side by side would be read as one code point.
    return not any("\ud800" <= a <= "\udbff" <= b <= "\udfff" for a, b in zip(text, text[1:]))  # noqa: B905, RUF007


STRINGS = (_PLAIN | _ODD).filter(_unpaired)
NUMBERS = st.sampled_from(
    ["0", "-0", "1.0", "1E+2", "1e400", "0.1000", "9" * 30, "9" * 5000, "NaN", "-Infinity"]
).map(Number)
KEYS = st.sampled_from(["a", "b", "é", "", '"', "model", "cprs"]) | STRINGS
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | STRINGS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(st.tuples(KEYS, inner), max_size=4).map(lambda pairs: Members(tuple(pairs)))
    ),
    max_leaves=20,
)
OBJECTS = st.lists(st.tuples(KEYS, VALUES), max_size=6).map(lambda pairs: Members(tuple(pairs)))


@dataclass
class Written:
    """A JSON text in parts; `strings` tells by path which part holds the string that counts, as
    the sources of its code points."""

    parts: list[str | list[str]] = field(default_factory=list)
    strings: dict[Path, list[str]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else "".join(part) for part in self.parts)


def write(value: Any, seed: int) -> Written:
    """`value` in a writing that `seed` decides."""
    written = Written()
    _Writer(random.Random(seed), written).value(value, (), live=True)
    return written


class _Writer:
    def __init__(self, rng: random.Random, written: Written) -> None:
        self.rng = rng
        self.written = written

    def put(self, text: str) -> None:
        self.written.parts.append(text)

    def blank(self) -> None:
        self.put(self.rng.choice(["", "", "", " ", "\n", "\r\n\t", "  "]))

    def value(self, value: Any, path: Path, live: bool) -> None:
        self.blank()
        match value:
            case None | True | False:
                self.put({None: "null", True: "true", False: "false"}[value])
            case Number(source):
                self.put(source)
            case str():
                units = self.string(value)
                if live:
                    self.written.strings[path] = units
            case list():
                self.put("[")
                for index, item in enumerate(value):
                    self.put("," if index else "")
                    self.value(item, (*path, index), live)
                self.blank()
                self.put("]")
            case Members(pairs):
                self.put("{")
                last = {key: number for number, (key, _) in enumerate(pairs)}
                for number, (key, item) in enumerate(pairs):
                    self.put("," if number else "")
                    self.blank()
                    self.string(key)
                    self.blank()
                    self.put(":")
                    self.value(item, (*path, key), live and last[key] == number)
                self.blank()
                self.put("}")
        self.blank()

    def string(self, text: str) -> list[str]:
        style = self.rng.choice(["least", "ascii", "any"])
        units = [self.unit(char, style) for char in text]
        self.put('"')
        self.written.parts.append(units)
        self.put('"')
        return units

    def unit(self, char: str, style: str) -> str:
        ways = []
        code = ord(char)
        surrogate = 0xD800 <= code <= 0xDFFF
        if char not in '"\\' and code >= 32 and not surrogate:
            ways.append(char)
        short = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f"}
        short |= {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
        if char in short:
            ways.append(short[char])
        units = [code] if code < 0x10000 else [0xD7C0 + (code >> 10), 0xDC00 + (code & 0x3FF)]
        hexed = "".join(f"\\u{unit:04x}" for unit in units)
        ways += [hexed, "".join(f"\\u{unit:04X}" for unit in units)]
        if style == "least":
            return ways[0]
        if style == "ascii":
            return ways[0] if ways[0].isascii() else hexed
        return self.rng.choice(ways)
