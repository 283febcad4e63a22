"""The documentation's recipe is the one that is used."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("yaml", reason="needs cprs[train]")

from cprs.train.reason.recipe import Recipe, read_recipe


def test_the_recipe_in_the_docs_is_the_default(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "training.md").read_text("utf-8")
    text = page.split("```yaml\n")[1].split("```")[0]
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    assert read_recipe(tmp_path / "r.yaml") == Recipe()
    assert all(f"\n{name}:" in "\n" + text for name in Recipe.__slots__)
