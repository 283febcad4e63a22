"""Recipes: what they say back when something is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("yaml", reason="needs cprs[train]")

from cprs.errors import CprsError, OptionError, TextError
from cprs.recipes import write_recipe
from cprs.train.reason.recipe import Recipe, read_recipe


def test_a_recipe_is_read_as_it_was_written(tmp_path: Path) -> None:
    recipe = Recipe(layers=3, rate=1e-5, precision="float32", margin=2.0, most={"notices": 9})
    write_recipe(recipe, tmp_path / "r.yaml")
    assert read_recipe(tmp_path / "r.yaml") == recipe


def test_what_is_left_out_is_as_usual(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("# none\n")
    assert read_recipe(tmp_path / "r.yaml") == Recipe()
    (tmp_path / "r.yaml").write_text("layers: 4\nrate: 3e-5\ndecay: 0\n")
    assert read_recipe(tmp_path / "r.yaml") == Recipe(layers=4, rate=3e-5, decay=0.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("layer: 2", "unknown setting 'layer'"),
        ("layers: two", "layers must be of type int, got 'two'"),
        ("layers: 2.5", "layers must be of type int"),
        ("layers: true", "layers must be of type int"),
        ("rate: fast", "rate must be of type float"),
        ("layers: 0", "layers must be at least 1, got 0"),
        ("rate: -1.0", "rate must be above 0"),
        ("rate: .nan", "rate must be above 0"),
        ("dropout: 1.0", "dropout must be at least 0, below 1"),
        ("most: 3", "most must be names with whole numbers, got 3"),
        ("most: {notices: -1}", "most must be names with whole numbers"),
        ("start_share: 1.0", "start_share must be at least 0, below 1"),
        ("precision: float8", "unknown precision 'float8'"),
        ("evidence: 0\ntags: 0\nlabels: 0\nranking: 0\ncontrast: 0", "nothing to learn from"),
        ("- layers", "a recipe is a list of"),
        ("layers: [", "not YAML"),
    ],
)
def test_mistakes_are_named_with_the_file(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(CprsError) as caught:
        read_recipe(path)
    assert str(caught.value).startswith(str(path))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="cannot be read"):
        read_recipe(tmp_path / "none.yaml")


def test_digests_change_with_what_they_stand_for() -> None:
    recipe = Recipe()
    assert recipe.digest == replace(recipe, evaluate=3, save=9).digest
    assert recipe.digest != replace(recipe, rate=1e-3).digest
    assert recipe.data_digest == replace(recipe, rate=1e-3).data_digest
    assert recipe.data_digest != replace(recipe, hard_windows=9).data_digest


def test_a_number_out_of_range_in_code() -> None:
    with pytest.raises(OptionError, match="instructed must be from 0 to 1"):
        Recipe(instructed=2.0)
