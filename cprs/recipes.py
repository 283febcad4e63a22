"""Recipes: frozen dataclasses of plain values, in YAML files that may leave out any of them."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cprs.errors import OptionError, TextError, unknown
from cprs.extras import require

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")


def read_recipe(path: Path, form: type[R], *, such_as: str) -> R:
    """A recipe of this `form` from YAML; `such_as` is a line of one.

    Raises `TextError` where it cannot be read, `OptionError` for a name that is not in `form` or a
    value of another kind, each naming the file.
    """
    require("yaml", what="a recipe", install="pyyaml")
    yaml: Any = importlib.import_module("yaml")
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f":{where.line + 1}" if where is not None else ""
        what = getattr(error, "problem", None) or "see the file"
        raise TextError(f"{path}{line}: not YAML: {what}") from error
    if found is None:
        found = {}
    if not isinstance(found, dict):
        raise OptionError(f"{path}: a recipe is a list of `name: value`, such as `{such_as}`")
    return recipe_of(found, form, where=str(path))


def recipe_of(values: Mapping[Any, Any], form: type[R], *, where: str) -> R:
    """A recipe from names and values as YAML has them. Raises `OptionError`, beginning with
    `where`, for what is not one."""
    kinds = {field.name: str(field.type) for field in fields(form)}
    chosen: dict[str, Any] = {}
    for name, value in values.items():
        if name not in kinds:
            raise OptionError(f"{where}: {unknown('setting', str(name), list(kinds))}")
        chosen[name] = _value(value, kinds[name], f"{where}: {name}")
    try:
        return form(**chosen)
    except OptionError as error:
        raise OptionError(f"{where}: {error}") from error


def write_recipe(recipe: Any, path: Path) -> None:
    """Write all of a recipe, as YAML that `read_recipe` reads (JSON's scalars are YAML's)."""
    lines = [f"{name}: {json.dumps(value)}\n" for name, value in asdict(recipe).items()]
    path.write_text("".join(lines), encoding="utf-8")


def check(holds: bool, name: str, what: str, value: float) -> None:
    """Raise `OptionError` unless the setting `name` is `what` it must be."""
    if not holds:
        raise OptionError(f"{name} must be {what}, got {value}")


def _value(value: Any, kind: str, where: str) -> Any:
    """A value of the `kind` that a field's annotation names."""
    if kind.startswith("tuple"):
        several = value if isinstance(value, (list, tuple)) else [value]
        return tuple(_value(one, "int", where) for one in several)
    if kind.startswith("dict"):
        if not isinstance(value, dict) or not all(
            isinstance(name, str) and type(most) is int and most >= 0
            for name, most in value.items()
        ):
            raise OptionError(f"{where} must be names with whole numbers, got {value!r}")
        return value
    if isinstance(value, str) and kind == "float":
        # YAML 1.1 takes 3e-4 for a word; 3.0e-4 is a number.
        with suppress(ValueError):
            value = float(value)
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value).__name__ != kind:
        raise OptionError(f"{where} must be of type {kind}, got {value!r}")
    return value
