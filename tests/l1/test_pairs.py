"""Pairs, their training, the recipe, the ablation, behaviours: the parts around the loop."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cprs.errors import CprsError, OptionError, TextError
from cprs.l1 import behaviours
from cprs.l1.ablation import WHOLE, ablate, spread, variants
from cprs.l1.example import Example
from cprs.l1.pairs import lengthen, make_pairs, read_pairs, write_pairs
from cprs.l1.recipe import Recipe, read_recipe
from cprs.recipes import recipe_of, write_recipe

EXAMPLE = Example("a", "Who?", "Ann did.", ("Ann",))


def words(text: str) -> int:
    return len(text.split())


def test_short_texts_are_lengthened_with_what_does_not_matter() -> None:
    distractors = [f"filler {number} ." for number in range(50)]
    found = lengthen(
        EXAMPLE, ["Ann did.", "It was May."], distractors, tokens=30, count=words, seed=1
    )
    parts = found.context.split("\n\n")
    assert parts.index("Ann did.") < parts.index("It was May.")
    assert len(parts) == 2 + (30 - 5) // 3
    assert words(found.context) <= 30
    assert found.tokens == words(found.context) + 1
    assert (found.uid, found.question, found.answers) == ("a", "Who?", ("Ann",))
    again = lengthen(EXAMPLE, ["Ann did."], distractors, tokens=30, count=words, seed=1)
    assert again == lengthen(EXAMPLE, ["Ann did."], distractors, tokens=30, count=words, seed=1)
    other = lengthen(EXAMPLE, ["Ann did."], distractors, tokens=30, count=words, seed=2)
    assert again.context != other.context
    alone = lengthen(EXAMPLE, ["Ann did."], [], tokens=1, count=words, seed=1)
    assert alone.context == "Ann did."
    with pytest.raises(OptionError, match="no document that it needs"):
        lengthen(EXAMPLE, [], distractors, tokens=30, count=words, seed=1)


def test_a_pair_needs_a_right_and_a_wrong_output(tmp_path: Path) -> None:
    shorts = [replace(EXAMPLE, uid=uid) for uid in "abc"]
    # A mark that ends a line elsewhere ends none in JSON lines.
    longs = [replace(one, context="Ann did.\u2028 " * 9) for one in shorts]
    outputs = [["right", "wrong", "also right"], ["right", "right"], ["wrong"]]
    rights = [[1.0, 0.0, 1.0], [1.0, 1.0], [0.0]]
    found = make_pairs(shorts, longs, outputs, rights, seed=0)
    assert (found.easy, found.hopeless) == (1, 1)
    (pair,) = found.pairs
    assert (pair.uid, pair.rejected) == ("a", "wrong")
    assert "right" in pair.chosen
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, found.pairs)
    assert read_pairs(path) == list(found.pairs)
    silent = replace(pair, rejected="")
    write_pairs(path, [silent])
    assert read_pairs(path) == [silent]
    write_pairs(path, [replace(pair, chosen="")])
    with pytest.raises(TextError, match="chosen not an empty one"):
        read_pairs(path)
    with pytest.raises(OptionError, match="stands beside long 'b'"):
        make_pairs(shorts, [longs[1], *longs], outputs, rights, seed=0)
    with pytest.raises(OptionError, match="is empty"):
        make_pairs(shorts[:1], longs[:1], [[]], [[]], seed=0)
    path.write_text('{"short": 3}\n')
    with pytest.raises(TextError, match=r"pairs\.jsonl:1: no pair"):
        read_pairs(path)
    path.write_text('{"short": {"uid": "a", "question": "q", "answers": "letters"}}\n')
    with pytest.raises(TextError, match=r"pairs\.jsonl:1: short: answers must be a list"):
        read_pairs(path)
    path.write_text("")
    with pytest.raises(TextError, match="holds no pair"):
        read_pairs(path)


def test_recipes_are_read_as_they_are_written(tmp_path: Path) -> None:
    recipe = Recipe(limits=(10, 20, 30), steps=(1, 2, 3), rate=3e-4, mini=8)
    path = tmp_path / "r.yaml"
    write_recipe(recipe, path)
    assert read_recipe(path) == recipe
    assert recipe.phase_steps == (1, 2, 3)
    assert replace(recipe, curriculum=False).phase_steps == (6,)
    assert Recipe(steps=(5,)).phase_steps == (5, 5)
    path.write_text("steps: 7\nrate: 3e-4\nbeta: 0\n")
    assert read_recipe(path).steps == (7,)
    path.write_text("")
    assert read_recipe(path) == Recipe()
    assert replace(recipe, save=9).digest == recipe.digest != replace(recipe, seed=9).digest


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("bach: 3", "unknown setting 'bach'"),
        ("batch: x", "batch must be of type int"),
        ("limits: [1, x]", "limits must be of type int"),
        ("batch: true", "batch must be of type int"),
        ("group: 1", "group must be at least 2"),
        ("batch: 4", "mini must be at most batch"),
        ("steps: [1, 2, 3]", "one for each of 2 phases"),
        ("beta: 0.1", "set reference: start"),
        ("overlong_buffer: 20000", "overlong_buffer must be from 0 to longest"),
        ("rule: f1", "unknown rule"),
        ("top_p: 0", "top_p must be"),
        ("first_phase: 3", "first_phase must be 1 to 2"),
        ("curriculum: false\nfirst_phase: 2", "without a curriculum there is one phase"),
        ("floor: 0", "floor must be above 0"),
        ("- a", "a list of `name: value`"),
        ("a: [", "not YAML"),
    ],
)
def test_a_recipe_that_is_none_says_why(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises((OptionError, TextError), match=rf"r\.yaml.*{says}"):
        read_recipe(path)


def test_the_usual_recipe_is_the_paper_s() -> None:
    """Table of hyper-parameters: G 8, batch 128, mini 32, rate 2e-6, T 0.7, top-p 0.95."""
    usual = recipe_of({}, Recipe, where="x")
    assert (usual.group, usual.batch, usual.mini, usual.rate) == (8, 128, 32, 2e-6)
    assert (usual.temperature, usual.top_p, usual.longest) == (0.7, 0.95, 10_000)
    assert (usual.limits, usual.beta, usual.sft_rate) == ((20_000, 60_000), 0.0, 5e-6)


def test_an_ablation_leaves_out_one_part_at_a_time_and_runs_nothing_twice(tmp_path: Path) -> None:
    recipe = Recipe(sft_steps=5)
    found = variants(recipe)
    assert found[WHOLE] == recipe
    off = {
        "without warm-up": {"sft_steps": 0},
        "without phases": {"curriculum": False, "retention": "none"},
        "without retention": {"retention": "none"},
        "without dynamic sampling": {"dynamic": False},
        "without length penalty": {"overlong_buffer": 0},
        "without clip-higher": {"clip_high": 0.2},
    }
    assert found == {WHOLE: recipe} | {name: replace(recipe, **c) for name, c in off.items()}  # type: ignore[arg-type]
    runs: list[tuple[str, int]] = []

    def run(chosen: Recipe, folder: Path) -> Mapping[str, float]:
        runs.append((folder.parent.name, chosen.seed))
        return {"long": 0.5 + 0.1 * chosen.seed + 0.2 * chosen.dynamic}

    def table() -> str:
        ablate(recipe, run, tmp_path, seeds=[0, 1], names=["dynamic sampling"])
        return (tmp_path / "ablation.md").read_text()

    assert table() == (
        "|  | long |\n|---|---:|\n| all of it | 0.750 ± 0.050 |\n"
        "| without dynamic sampling | 0.550 ± 0.050 |\n\n"
        "| against all of it | long |\n|---|---:|\n"
        "| without dynamic sampling | -0.200 ± 0.000 |\n"
    )
    assert len(runs) == 4
    assert table()
    assert len(runs) == 4
    ablate(recipe, run, tmp_path, seeds=[0], names=["dynamic sampling"], of="another toy")
    assert len(runs) == 6
    with pytest.raises(OptionError, match="unknown component"):
        variants(recipe, ["reward"])
    with pytest.raises(OptionError, match="no warm-up to leave out"):
        variants(Recipe(), ["warm-up"])
    with pytest.raises(OptionError, match="at least one seed"):
        ablate(recipe, run, tmp_path, seeds=[])


def test_spread_by_hand() -> None:
    """Mean 2, deviation 1, standard error 1/sqrt 3."""
    assert spread([1, 2, 3]) == "2.000 ± 0.577"
    assert spread([0.5]) == "0.500"


def test_behaviours_are_counted_in_the_thinking() -> None:
    said = (
        "First, I need to find the year. According to the report it is 1962. Wait, let me check "
        "that again. As stated in the table, it is 1961. </think> Wait: the answer is 1961."
    )
    found = behaviours.count(said)
    assert found == {"grounding": 2, "subgoal": 2, "verification": 1, "backtracking": 1}
    assert behaviours.mean([said, ""])["grounding"] == 1
    assert behaviours.mean([]) == dict.fromkeys(behaviours.BEHAVIOURS, 0.0)


def test_or_counted_by_a_judge(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("openai", reason="needs cprs[l1]")
    from model_endpoint import chat, serving

    line = "[[grounding=2 subgoal=1 verification=0 backtracking=3]]"
    assert behaviours.parse_counts(f"Because.\n{line}\n") == {
        "grounding": 2,
        "subgoal": 1,
        "verification": 0,
        "backtracking": 3,
    }
    assert behaviours.parse_counts(f"{line}\nor so") is None
    assert behaviours.parse_counts("") is None

    def answer(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, chat(line if "good" in body["messages"][0]["content"] else "?")

    with serving(answer) as url:
        judge = behaviours.BehaviourJudge(url, "m", outputs=2, retries=0)
        first, second = asyncio.run(judge.counts(["good</think>", "bad</think>"]))
        assert first is not None
        assert second is None
        with caplog.at_level(logging.WARNING, logger="cprs.l1"):
            # Two of four are asked about: the first and the third.
            found = judge.mean(["good</think>", "x", "bad</think>", "x"])
        assert found == {"grounding": 2, "subgoal": 1, "verification": 0, "backtracking": 3}
        assert "no behaviours in 1 of 2 outputs" in caplog.text
    down = judge.mean(["good</think>"] * 3)
    assert down == dict.fromkeys(behaviours.BEHAVIOURS), "nothing counted is not nothing"
    assert judge.uncounted == 3
    assert behaviours.spaced(["a", "b", "c"], 5) == ["a", "b", "c"]
    assert behaviours.spaced([], 5) == []
    with pytest.raises(OptionError, match="outputs must be at least 1"):
        behaviours.BehaviourJudge(url, "m", outputs=0)


def test_training_on_pairs(tmp_path: Path) -> None:
    """The right answer gets ahead on the short text; with alignment it keeps its worth on the
    long one."""
    torch = pytest.importorskip("torch", reason="needs cprs[l1]")
    pytest.importorskip("transformers", reason="needs cprs[l1]")
    from toys import policy

    from cprs.l1.demo.task import Shape, examples, shorter
    from cprs.l1.preference import PreferenceOptions, train_on_pairs
    from cprs.l1.prompt import Prompts

    torch.set_num_threads(1)
    longs = examples(Shape(6, 8), 12, seed=0, name="x")
    shorts = [shorter(one, 3, seed=0) for one in longs]
    assert all(one.context.count("\n") == 2 for one in shorts)
    right = [[one.output, "</think> the answer is nobody"] for one in longs]
    pairs = make_pairs(shorts, [one.example for one in longs], right, [[1.0, 0.0]] * 12, seed=0)
    options = PreferenceOptions(steps=8, batch=6, rate=3e-3, micro_tokens=200)
    last = {}
    for method in ("dpo", "simpo", "orpo"):
        for alpha in (0.0, 2.0):
            made = policy(seed=3)
            chosen = replace(options, method=method, alpha=alpha, beta=1.0)
            steps = train_on_pairs(
                made, pairs.pairs, chosen, Prompts(made.tokenizer, template="short")
            )
            assert steps[-1].loss < steps[0].loss or alpha
            assert steps[-1].correct == 1
            last[method, alpha] = steps[-1].alignment
        assert last[method, 0.0] == 0 < last[method, 2.0]
    with pytest.raises(OptionError, match="the set of pairs has 12 examples and a batch takes 13"):
        train_on_pairs(made, pairs.pairs, replace(options, batch=13), Prompts(made.tokenizer))
    few = Prompts(made.tokenizer, template="short", limit=3)
    with pytest.raises(OptionError, match=r"has 0 examples .* 3 tokens: 12 are over it"):
        train_on_pairs(made, pairs.pairs, options, few)
    with pytest.raises(OptionError, match="set alpha: 0"):
        replace(options, on_long=True)
    with torch.no_grad():
        made.model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(CprsError, match=r"step 1: the loss is nan, .*bad-batch\.json"):
        train_on_pairs(made, pairs.pairs, options, Prompts(made.tokenizer), tmp_path)
    bad = json.loads((tmp_path / "bad-batch.json").read_text())
    assert len(bad["uids"]) == 6
    assert len(bad["outputs"]) == 18


def test_the_toy_can_be_answered_from_its_text() -> None:
    pytest.importorskip("torch", reason="needs cprs[l1]")
    from cprs.l1.demo.task import Shape, examples
    from cprs.l1.reward.hybrid import Scorer

    shape = Shape(3, 9)
    made = examples(shape, 300, seed=1, name="x")
    asked = [one.example for one in made]
    assert Scorer().score(asked, [one.output for one in made]) == [1.0] * 300
    for one in asked:
        assert f"{one.question}:{one.answers[0]}" in one.context.split("\n")
    with pytest.raises(OptionError, match="from 1 to"):
        Shape(0, 3)
