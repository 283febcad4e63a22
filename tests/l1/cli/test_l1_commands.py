"""`cprs l1`: runs on small files, and one clear line for what cannot be."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs cprs[l1]")
pytest.importorskip("transformers", reason="needs cprs[l1]")
pytest.importorskip("openai", reason="needs cprs[l1]")

from command import run
from model_endpoint import chat, serving
from toys import RECIPE, data, half, policy

from cprs.l1.example import write_examples
from cprs.l1.pairs import PreferencePair, read_pairs, write_pairs
from cprs.l1.policy import save_policy
from cprs.l1.record import read_steps
from cprs.l1.rollout import generate
from cprs.recipes import write_recipe

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    save_policy(policy(), folder / "model")
    made = data()
    write_examples(folder / "examples.jsonl", made.examples)
    lines = [{**asdict(one.example), "output": one.output} for one in made.triplets]
    (folder / "sft.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    pairs = [
        PreferencePair(one.example, one.example, one.output, "</think> no") for one in made.triplets
    ]
    write_pairs(folder / "pairs.jsonl", pairs)
    write_recipe(replace(RECIPE, steps=(1,), sft_steps=1, dynamic=False), folder / "r.yaml")
    return folder


def arguments(files: Path, out: Path, *more: object) -> list[Any]:
    return ["--model", files / "model", "--out", out, "--device", "cpu", *more]


def test_training_from_files_and_going_on(files: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    given = arguments(files, out, "--data", files / "examples.jsonl", "--sft", files / "sft.jsonl")
    more = ["--recipe", files / "r.yaml", "--held-out", files / "examples.jsonl"]
    done = run("l1", "train", *given, *more)
    assert done.code == 0, done.err
    assert "before warm-up: examples 0." in done.err
    assert (out / "policy/model.safetensors").exists()
    assert (out / "steps.csv").read_text().count("\n") == 4
    assert run("l1", "train", *given).error.endswith("resume its run, or choose another folder")
    again = run("l1", "train", *given, "--resume")
    assert again.code == 0, again.err
    assert "going on at step 4" in again.err


def test_behaviours_are_counted_by_the_judge_in_every_step(files: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(_: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        asked.append(body["messages"][-1]["content"])
        counts = "[[grounding=7 subgoal=0 verification=0 backtracking=1]]"
        return 200, chat(counts if "grounding" in asked[-1] else "[[NO]]")

    recipe = replace(
        RECIPE, steps=(1,), sft_steps=0, dynamic=False, behaviours="judge", behaviours_outputs=3
    )
    write_recipe(recipe, tmp_path / "r.yaml")
    given = arguments(files, tmp_path / "out", "--data", files / "examples.jsonl")
    given += ["--recipe", tmp_path / "r.yaml"]
    assert "needs --judge" in run("l1", "train", *given).error
    with serving(answer) as url:
        done = run("l1", "train", *given, "--judge", url)
    assert done.code == 0, done.err
    rows = read_steps(tmp_path / "out/steps.csv")
    assert [row["grounding"] for row in rows] == ["7.0", "7.0"]
    assert [row["backtracking"] for row in rows] == ["1.0", "1.0"]
    assert sum("grounding" in text for text in asked) == 2 * 3


def test_the_warm_up_alone(files: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    recipe = ["--recipe", files / "r.yaml"]
    done = run("l1", "sft", *arguments(files, out, "--data", files / "sft.jsonl"), *recipe)
    assert done.code == 0, done.err
    assert (out / "steps.csv").read_text().count("sft") == 1


@pytest.mark.parametrize("more", [[], ["--method", "simpo", "--alpha", "0", "--on-long"]])
def test_training_on_pairs(files: Path, tmp_path: Path, more: list[str]) -> None:
    given = arguments(files, tmp_path / "out", "--data", files / "pairs.jsonl", "--steps", 2)
    done = run("l1", "solopo", *given, "--batch", 5, *more)
    assert done.code == 0, done.err
    assert (tmp_path / "out/policy/config.json").exists()
    assert "steps: 2 of 2" in done.err


def test_pairs_are_made_from_what_a_model_answers(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "pairs.jsonl"
    given = ["--model", files / "model", "--data", files / "examples.jsonl", "--out", out]
    given += ["--device", "cpu", "--samples", 2, "--longest", 8, "--tokens", 20]
    none = run("l1", "pairs", *given)
    assert "no pair: of 20 examples 0 had no wrong output and 20 no right one" in none.err
    assert not out.exists()
    # The model is random: every other output is right all the same.
    monkeypatch.setattr(generate, "Generate", lambda tokens: half(data()))
    done = run("l1", "pairs", *given)
    assert done.code == 0, done.err
    assert "examples: 20 of 20" in done.err
    made = read_pairs(out)
    assert len(made) == 20
    for pair in made:
        documents = pair.long.context.split("\n\n")
        assert pair.short.context in documents
        assert len(documents) > 1
        assert pair.short.tokens is not None
        assert pair.long.tokens is not None
        assert pair.short.tokens < pair.long.tokens <= 21
        assert pair.chosen.endswith(pair.short.answers[0])
    few = run("l1", "pairs", *given[:-1], 1)
    assert few.code == 0
    assert all(pair.short.context == pair.long.context for pair in read_pairs(out))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"--model": "./nowhere"}, "./nowhere: no causal language model"),
        ({"--data": "nowhere.jsonl"}, "nowhere.jsonl: cannot be read"),
        ({"--recipe": "nowhere.yaml"}, "nowhere.yaml: cannot be read"),
        ({"--vllm": "http://127.0.0.1:9/v1"}, "go together"),
        ({"--device": "tpu"}, "device 'tpu' is not here"),
        ({"--resume": None}, "holds no run to resume"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    files: Path, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    options: dict[str, Any] = {
        "--model": files / "model",
        "--data": files / "examples.jsonl",
        "--sft": files / "sft.jsonl",
        "--recipe": files / "r.yaml",
        "--out": tmp_path / "out",
        "--device": "cpu",
        **change,
    }
    flat = [part for name, value in options.items() for part in (name, value) if part is not None]
    done = run("l1", "train", *flat)
    assert done.code in (1, 2, 3, 5)
    assert says in done.error


def test_what_would_be_passed_over_in_silence_is_an_error(files: Path, tmp_path: Path) -> None:
    given = ["--data", files / "examples.jsonl", "--recipe"]
    write_recipe(replace(RECIPE, steps=(1,), sft_steps=0, evaluate=0), tmp_path / "r.yaml")
    for recipe, more, says in (
        (tmp_path / "r.yaml", ["--sft", files / "sft.jsonl"], "`sft_steps` above 0"),
        (files / "r.yaml", [], "--sft, the warm-up's triplets"),
        (tmp_path / "r.yaml", ["--held-out", files / "examples.jsonl"], "`evaluate`"),
    ):
        done = run("l1", "train", *arguments(files, tmp_path / "out", *given, recipe, *more))
        assert done.code == 2
        assert says in done.error
    assert not (tmp_path / "out/steps.csv").exists()


def test_a_phase_without_enough_examples_says_so(files: Path, tmp_path: Path) -> None:
    write_recipe(replace(RECIPE, batch=16, mini=4, sft_steps=0), tmp_path / "r.yaml")
    given = arguments(files, tmp_path / "out", "--data", files / "examples.jsonl")
    done = run("l1", "train", *given, "--recipe", tmp_path / "r.yaml")
    assert "phase 1 has 10 examples and a batch takes 16 prompts" in done.error
    assert done.code == 2


def test_demo_and_ablation_know_their_presets(tmp_path: Path) -> None:
    assert (
        "unknown preset 'tiny'; known: cpu"
        in run("l1", "ablate", "--preset", "tiny", "--out", tmp_path).error
    )
    done = run("l1", "ablate", "--without", "luck", "--out", tmp_path, "--device", "cpu")
    assert "unknown component 'luck'" in done.error
