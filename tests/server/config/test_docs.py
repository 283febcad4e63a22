"""The page about the settings says every key, and what it shows can be used."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from cprs_server.config.loading import ConfigError, load
from cprs_server.config.settings import Settings
from pydantic import BaseModel

PAGE = (Path(__file__).parents[3] / "docs" / "proxy-config.md").read_text(encoding="utf-8")


def models(kind: Any) -> Iterator[type[BaseModel]]:
    """The models within a type."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from models(field.annotation)
    else:
        for inner in get_args(kind):
            yield from models(inner)


KEYS = sorted({key for model in models(Settings) for key in model.model_fields})


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_on_the_page(key: str) -> None:
    assert re.search(rf"`[^`\n]*\b{key}\b[^`\n]*`", PAGE)


def test_examples_are_right(tmp_path: Path) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(examples) >= 3
    for example in examples:
        file = tmp_path / "cprs.yaml"
        file.write_text(example, encoding="utf-8")
        load(file)


def test_mistakes_are_told_as_the_page_shows(tmp_path: Path) -> None:
    example = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)[0]
    shown = re.findall(r"^cprs: error: cprs\.yaml(:.*)$", PAGE, re.M)
    file = tmp_path / "cprs.yaml"
    file.write_text(example.replace("    url: ", "    ulr: ", 1), encoding="utf-8")
    with pytest.raises(ConfigError) as wrong:
        load(file)
    assert [said.removeprefix(str(file)) for said in wrong.value.problems] == shown


def test_defaults_are_the_ones_on_the_page() -> None:
    settings = Settings()
    for row in re.findall(r"^\| `((?:limits|store|tracing)\.\w+|port)` \| (\w+) \|", PAGE, re.M):
        key, said = row
        value: Any = settings
        for name in key.split("."):
            value = getattr(value, name)
        shown = said.replace("MiB", " * 1048576").replace("KiB", " * 1024")
        if said not in ("cores", "none"):
            number = 1
            for factor in shown.split(" * "):
                number *= int(factor)
            assert value == number, key
