"""What a route, a key and a request say, merged into one `Options` and capped."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any, NoReturn, Protocol, get_args

from cprs.effort import EFFORTS
from cprs.hops import MOST as MOST_HOPS
from cprs_server.errors import ProxyError
from cprs_server.planning.base import Mode, Options

MODES: tuple[Mode, ...] = get_args(Mode)
NAMES = tuple(field.name for field in fields(Options))
WORDS = 20_000
"""Code points that a query or an instruction may have."""

_TEXTS = ("instruction", "query", "granularity")
_FLAGS = ("sticky", "markers", "system")
_LEAST: Mapping[str, float] = {"budget": 1, "hops": 1, "trigger": 0, "least": 0}
_MOST: Mapping[str, float] = {"hops": MOST_HOPS}


class Caps(Protocol):
    """The most that a key's requests may ask for; None or empty: no bound."""

    @property
    def modes(self) -> Collection[Mode]: ...
    @property
    def budget(self) -> int | None: ...
    @property
    def ratio(self) -> float | None: ...
    @property
    def hops(self) -> int | None: ...
    @property
    def effort(self) -> str | None: ...


def merge(
    *said: Mapping[str, Any],
    body: object = None,
    header: str | None = None,
    caps: Caps | None = None,
    others: Collection[str] = ("usage",),
) -> Options:
    """One `Options` from what each says; a later one wins, and the header over all.

    `said`: fields of `Options` by name, such as the policies of settings, route and key, in this
    order. `body`: the request's `cprs` member, an object of the same fields, a mode, or true and
    false for "always" and "off". `header`: of `x-cprs`. Of several budgets the least holds. `caps`
    bound what the request asks for: numbers are lowered, a mode is refused. `others`: members of
    the body that are somebody else's.

    Raises `ProxyError`: 400 for what makes no sense, 403 for a mode that the key may not use.
    """
    asked = _body(body, others)
    merged: dict[str, Any] = {}
    for layer in (*said, asked):
        least = min((b for b in (merged.get("budget"), layer.get("budget")) if b), default=None)
        merged.update(layer, **({} if least is None else {"budget": least}))
    if header is not None:
        asked["mode"] = merged["mode"] = _mode("x-cprs", header.strip().lower())
    if caps is not None:
        _cap(merged, asked, caps)
    return Options(**merged)


def _body(body: object, others: Collection[str]) -> dict[str, Any]:
    if body is None:
        return {}
    if isinstance(body, bool):
        return {"mode": "always" if body else "off"}
    if isinstance(body, str):
        return {"mode": _mode("cprs", body)}
    if not isinstance(body, Mapping):
        _wrong("cprs", body, "an object, a mode, true or false")
    asked = {}
    for name, value in body.items():
        if name in others or value is None:
            continue
        if name not in NAMES:
            raise ProxyError(
                400,
                f"cprs.{ascii(name)[1:60].rstrip(chr(39))} is not known; known: {', '.join(NAMES)}",
                code="invalid_cprs",
            )
        asked[name] = _checked(name, value)
    return asked


def _checked(name: str, value: Any) -> Any:
    where = f"cprs.{name}"
    if name == "mode":
        return _mode(where, "off" if value is False else value)
    if name in _TEXTS:
        if not isinstance(value, str) or len(value) > WORDS:
            _wrong(where, value, f"text of at most {WORDS} characters")
        return value.strip() or None
    if name in _FLAGS:
        return value if isinstance(value, bool) else _wrong(where, value, "true or false")
    if name == "effort":
        return value if value in EFFORTS else _wrong(where, value, " or ".join(EFFORTS))
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        _wrong(where, value, "a number")
    if name in _LEAST:
        low, high = _LEAST[name], _MOST.get(name, math.inf)
        if value != int(value) or not low <= value <= high:
            above = "" if math.isinf(high) else f" and at most {high:.0f}"
            _wrong(where, value, f"a whole number, at least {low:.0f}{above}")
        return int(value)
    if name == "ratio":
        return value if value >= 1 else _wrong(where, value, "at least 1 (16 = 16 times shorter)")
    return value if 0 <= value <= 1 else _wrong(where, value, "between 0 and 1")


def _mode(where: str, value: object) -> Mode:
    for mode in MODES:
        if value == mode:
            return mode
    _wrong(where, value, ", ".join(MODES[:-1]) + f" or {MODES[-1]}")


def _cap(merged: dict[str, Any], asked: Mapping[str, Any], caps: Caps) -> None:
    if caps.modes and asked.get("mode", next(iter(caps.modes))) not in caps.modes:
        raise ProxyError(
            403,
            f"this key may not use the mode {asked['mode']!r}; it may: {', '.join(caps.modes)}",
            code="cprs_mode_not_allowed",
        )
    for name, most in (("budget", caps.budget), ("ratio", caps.ratio), ("hops", caps.hops)):
        if most is not None and (merged.get(name) or 0) > most:
            merged[name] = most
    if caps.effort in EFFORTS and merged.get("effort") in EFFORTS:
        # "auto" may turn out thorough only for short texts: it stands between the two.
        merged["effort"] = min(merged["effort"], caps.effort, key=EFFORTS.index)


def _wrong(where: str, value: object, wanted: str) -> NoReturn:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    raise ProxyError(400, f"{where} must be {wanted}, got {shown}", code="invalid_cprs")
