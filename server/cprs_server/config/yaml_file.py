"""A YAML file as plain values, with `${VAR}` filled in and the line of every key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

Place = tuple[str | int, ...]
"""Keys and indices from the top of the file to one of its values."""

_VARIABLE = re.compile(
    r"\$(?P<escaped>\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|\$\{"
)


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says: `values`, the `lines` (from 1) on which they stand, the `filled` ones,
    in which a variable was filled in, and `problems`, each with its place."""

    values: dict[str, Any]
    lines: dict[Place, int]
    filled: frozenset[Place] = frozenset()
    problems: tuple[tuple[Place, str], ...] = ()


class NotYaml(ValueError):
    """Text that is no YAML; `line` (from 1) where that shows."""

    def __init__(self, said: str, line: int | None = None) -> None:
        super().__init__(said)
        self.line = line


def read(text: str, environment: Mapping[str, str]) -> Document:
    """Read YAML text.

    `${VAR}` in a value is the environment variable, `${VAR:-default}` the default where it is
    unset or empty, `$${` a literal `${`. Raises `ValueError` for what is no YAML (`NotYaml`) or
    no mapping.
    """
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None or node.tag == "tag:yaml.org,2002:null":
            return Document({}, {})
        if not isinstance(node, yaml.MappingNode):
            raise ValueError("must hold keys and values, such as `port: 8788`")
        lines: dict[Place, int] = {}
        problems: list[tuple[Place, str]] = []
        _walk(node, (), lines, problems)
        values = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise NotYaml(
            f"not YAML: {error.problem or error.context}", mark.line + 1 if mark else None
        ) from error
    except yaml.YAMLError as error:
        raise NotYaml(f"not YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    filled: set[Place] = set()

    def fill(place: Place, value: str) -> str:
        new, wrong = expand(value, environment)
        if wrong:
            problems.append((place, wrong))
        if new != value:
            filled.add(place)
        return new

    return Document(_map(values, (), fill), lines, frozenset(filled), tuple(problems))


def expand(value: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """The value with its variables filled in, and what is wrong with it ("" if nothing)."""
    wrong: list[str] = []

    def one(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "${"
        name, default = match["name"], match["default"]
        if name is None:
            wrong.append("write ${NAME} or ${NAME:-default}, or $${ for a literal ${")
            return ""
        if default is not None:
            return environment.get(name) or default
        if name not in environment:
            wrong.append(f"the environment variable {name} is not set; set it or write a default")
        return environment.get(name, "")

    return _VARIABLE.sub(one, value), "; ".join(wrong)


def _walk(
    node: yaml.Node, place: Place, lines: dict[Place, int], problems: list[tuple[Place, str]]
) -> None:
    """Note lines and repeated keys, of which YAML's own reader silently takes the last."""
    if place in lines:  # an alias within itself
        return
    lines[place] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            inner = (*place, name)
            if name in seen and name != "<<":
                problems.append((inner, "the key stands there twice"))
            seen.add(name)
            _walk(value, inner, lines, problems)
            lines[inner] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _walk(item, (*place, number), lines, problems)


def _map(value: Any, place: Place, fill: Callable[[Place, str], str]) -> Any:
    if isinstance(value, str):
        return fill(place, value)
    if isinstance(value, dict):
        # A bare number or date as a key is text to us.
        return {str(k): _map(v, (*place, str(k)), fill) for k, v in value.items()}
    if isinstance(value, list):
        return [_map(item, (*place, number), fill) for number, item in enumerate(value)]
    return value
