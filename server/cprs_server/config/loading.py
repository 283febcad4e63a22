"""Settings from a file, the environment and the command line, in rising order of weight."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

from cprs.critics import check_critic
from cprs.errors import OptionError
from cprs_server.config.messages import Problem, problems_of
from cprs_server.config.settings import Settings
from cprs_server.config.yaml_file import Document, NotYaml, read

PREFIX = "CPRS_SERVE_"
"""What environment variables that are settings begin with: CPRS_SERVE_LIMITS__DEADLINE=60."""

CONFIG = f"{PREFIX}CONFIG"
"""The variable that names the file: read by the command line."""

_ENVIRONMENT = "environment"


class ConfigError(OptionError):
    """Settings that cannot be used. `problems`: one line each, all that were found."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems[0])
        self.problems = tuple(problems)


class _Shape(Settings, BaseSettings):
    """Tells the reader of the environment which keys there are."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True, extra="forbid"
    )


def load(path: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """The settings a file, `CPRS_SERVE_*` variables and `flags` (fields of `Settings`) make
    together. Raises `ConfigError`."""
    document = _read(path) if path else Document({}, {})
    problems = [Problem(place, said) for place, said in document.problems]
    if problems:
        raise ConfigError(_lines(problems, path, document))
    environment = _from_environment()
    values = _merged(_merged(document.values, environment), flags or {})
    try:
        settings = Settings.model_validate(values)
        found = list(_unknown_critics(settings))
    except ValidationError as error:
        found = problems_of(error, Settings, document.filled)
    if found:
        raise ConfigError(_lines(found, path, document, environment))
    return settings


def _unknown_critics(settings: Settings) -> Iterator[Problem]:
    """Names of critics that `load_critic` does not know. (Who embeds the proxy has others.)"""
    for number, route in enumerate(settings.routes):
        if "/" in route.critic:  # a path may be of the machine that will serve
            continue
        try:
            check_critic(route.critic)
        except OptionError as error:
            yield Problem(("routes", number, "critic"), str(error))


def _read(path: Path) -> Document:
    try:
        return read(path.read_text(encoding="utf-8"), os.environ)
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 (byte {error.start})"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror or error}"]) from None
    except NotYaml as error:
        where = path if error.line is None else f"{path}:{error.line}"
        raise ConfigError([f"{where}: {error}"]) from None
    except ValueError as error:
        raise ConfigError([f"{path}: {error}"]) from None


def _from_environment() -> dict[str, Any]:
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    for name in os.environ:
        if name.startswith(PREFIX) and name != CONFIG and name.split("__")[0] not in known:
            listed = ", ".join(sorted(known))
            raise ConfigError([f"{name}: unknown environment variable; known: {listed}"])
    try:
        return EnvSettingsSource(_Shape)()
    except SettingsError as error:
        raise ConfigError([f"{_ENVIRONMENT}: {error}; write it as JSON"]) from None


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(old, value)
        else:
            merged[key] = value
    return merged


def _lines(
    problems: list[Problem],
    path: Path | None,
    document: Document,
    environment: Mapping[str, Any] | None = None,
) -> list[str]:
    """Each problem as `file:line: key: what to do`, or `environment: key: ...`."""
    lines = []
    for problem in problems:
        place, line = problem.place, 0
        if _holds(environment or {}, place):
            source = _ENVIRONMENT
        elif path is not None:
            while place and place not in document.lines:
                place = place[:-1]
            line = document.lines[place] if place else 0
            source = f"{path}:{line}" if line else str(path)
        else:
            source = "options"
        lines.append((line, f"{source}: {problem}"))
    return [said for _, said in sorted(lines, key=lambda pair: pair[0])]


def _holds(values: Any, place: tuple[str | int, ...]) -> bool:
    for step in place:
        if not isinstance(values, Mapping) or step not in values:
            return False
        values = values[step]
    return bool(place)
