"""What pydantic finds wrong, said so that it can be put right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cprs_server.config.yaml_file import Place

_SECRET = {"api_key", "headers", "sha256"}
_SHOWN = 40
_KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "string": "text (in quotes, if it looks like a number or a date)",
    "tuple": "a list",
    "list": "a list",
    "dict": "keys and values",
    "model": "keys and values",
    "byte_size": "a size, such as 64MiB",
}
_PLACE = re.compile(r"^((?:\w|[.\[\]-])+): ")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong at one place of the settings."""

    place: Place
    said: str

    def __str__(self) -> str:
        return f"{shown(self.place)}: {self.said}" if self.place else self.said


def shown(place: Place) -> str:
    """A place as `routes[1].upstream`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return "".join(steps).lstrip(".")


def problems_of(
    error: ValidationError, model: type[BaseModel], hidden: Collection[Place] = ()
) -> list[Problem]:
    """All that is wrong, in the order of the file. Values at `hidden` places and of secrets are
    not repeated."""
    details = error.errors()
    # A list all of whose items are wrong is also said to be too short.
    wrong = {detail["loc"][:-1] for detail in details if detail["loc"]}
    return [
        problem
        for detail in details
        if not (detail["type"] == "too_short" and detail["loc"] in wrong)
        for problem in _of(detail, model, hidden)
    ]


def _of(
    detail: ErrorDetails, model: type[BaseModel], hidden: Collection[Place]
) -> Iterator[Problem]:
    place: Place = tuple(step for step in detail["loc"] if step != "[key]")
    if detail["type"] == "extra_forbidden":
        yield Problem(place, _unknown_key(str(place[-1]), _fields(model, place[:-1])))
    elif detail["type"] == "missing":
        yield Problem(place, "is missing")
    elif detail["type"] == "value_error" and not place:
        for line in str(detail["ctx"]["error"]).split("\n"):
            found = _PLACE.match(line)
            yield Problem(_place(found[1]), line[found.end() :]) if found else Problem((), line)
    else:
        quiet = place in hidden or not _SECRET.isdisjoint(map(str, place))
        yield Problem(place, _said(detail) + ("" if quiet else _got(detail["input"])))


def _said(detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "literal_error":
        return f"must be one of {detail['ctx']['expected']}".replace(" or ", ", ").replace("'", "")
    for suffix in ("_type", "_parsing", "_from_float", "_attributes_type"):
        if kind.endswith(suffix) and (name := kind.removesuffix(suffix)) in _KINDS:
            return f"must be {_KINDS[name]}"
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}"
    said = detail["msg"].removeprefix("Input should ").removeprefix("Value should ")
    said = said.replace("be greater than or equal to", "be at least")
    said = said.replace("be less than or equal to", "be at most")
    return f"must {said}" if said.startswith(("be ", "have ")) else said[:1].lower() + said[1:]


def _got(value: object) -> str:
    if value is None or isinstance(value, bool):
        return f"; got {'nothing' if value is None else str(value).lower()}"
    if not isinstance(value, str | int | float):
        return ""
    text = repr(value)
    return f"; got {text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}"


def _unknown_key(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"unknown key; did you mean {near[0]!r}?"
    return f"unknown key; known: {', '.join(known)}" if known else "unknown key"


def _fields(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that may stand at a place, by the types of the fields on the way to it."""
    here: Any = model
    for step in place:
        if _is_model(here):
            field = here.model_fields.get(str(step))
            here = _bare(field.annotation) if field else None
        else:  # dict[str, X] or tuple[X, ...]
            inner = get_args(here)
            here = _bare(inner[isinstance(step, str)]) if len(inner) == 2 else None
    return list(here.model_fields) if _is_model(here) else []


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _bare(kind: Any) -> Any:
    """The type within `Annotated[X, ...]` and `X | None`."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _bare(get_args(kind)[0])
    if origin in (Union, UnionType):
        return _bare(next(arg for arg in get_args(kind) if arg is not type(None)))
    return kind


def _place(text: str) -> Place:
    steps = re.findall(r"\[(\d+)\]|([^.\[\]]+)", text)
    return tuple(int(number) if number else name for number, name in steps)
