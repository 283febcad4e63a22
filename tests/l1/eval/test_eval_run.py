"""An evaluation from the questions to the tables, on an endpoint that answers over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai", reason="needs cprs[l1]")

from companion import l1
from model_endpoint import chat, serving
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from cprs.errors import OptionError, TextError
from cprs.l1.eval.endpoint import Ask, Endpoint
from cprs.l1.eval.fitting import Fit
from cprs.l1.eval.report import markdown
from cprs.l1.eval.run import evaluate
from cprs.l1.eval.sets import read_sets
from cprs.l1.eval.summary import difference, summarise
from cprs.l1.example import Example, write_examples
from cprs.l1.reward.judge import Judge

ANSWERS = {"Ann": "Ann", "Ben": "a boy", "Cid": "wrong", "Dan": "", "Eve": "!500"}
EXAMPLES = [
    Example(name, f"Who is {name}?", f"a text about {name}", (name,), source="musique")
    for name in ANSWERS
]


def model(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Says what `ANSWERS` has for whoever is asked about; the judge takes a boy for Ben."""
    last = body["messages"][-1]["content"]
    if body["model"] == "judge":
        return 200, chat("Yes.\n[[YES]]" if "a boy" in last else "No.\n[[NO]]")
    said = next(said for name, said in ANSWERS.items() if f"Who is {name}?" in last)
    if said == "!500":
        return 400, {"error": {"message": "too long"}}
    made = chat(f"hm</think>Therefore, the answer is {said}." if said else "<think>on and on")
    made["choices"][0]["finish_reason"] = "stop" if said else "length"
    made["usage"] = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return 200, made


def test_what_fails_stays_in_the_denominator() -> None:
    with serving(model) as url:
        scored = evaluate(EXAMPLES, Endpoint(url, "m", retries=0), judge=Judge(url, "judge"))
    by_name = {one.uid: one for one in scored}
    assert [by_name[name].score for name in ANSWERS] == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert by_name["Ben"].em == by_name["Ben"].cover == 0.0
    assert by_name["Ben"].judge == 1.0
    assert by_name["Dan"].answer is None
    assert not by_name["Dan"].finished
    assert "too long" in by_name["Eve"].error
    summary = summarise("m", scored)
    (musique,) = summary.sets
    assert (musique.examples, musique.failed, musique.unparsed, musique.cut) == (5, 1, 1, 1)
    assert musique.means["score"].value == pytest.approx(2 / 5)
    assert musique.means["em"].value == pytest.approx(1 / 5)
    assert summary.average.value == pytest.approx(2 / 5)
    text = markdown([summary], rule="cover")
    assert "| MuSiQue | 5 | 40.0 [" in text
    assert "| L1-32B-DAPO (quoted) | 67.5 |" in text
    assert "| **m** | - | - | - | - | 40.0 | - | - | - |" in text


def test_samples_are_asked_apart_and_make_pass_at_k() -> None:
    seeds: list[int] = []

    def sometimes(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        seeds.append(body["seed"])
        return 200, chat("the answer is Ann" if body["seed"] == 9 else "the answer is Bob")

    with serving(sometimes) as url:
        scored = evaluate(EXAMPLES[:1], Endpoint(url, "m", seed=7), samples=4)
    assert sorted(seeds) == [7, 8, 9, 10]
    (found,) = summarise("m", scored).sets
    assert [found.passes[k].value for k in (1, 2, 3, 4)] == pytest.approx([0.25, 0.5, 0.75, 1])
    assert found.means["score"].value == 0.25


def test_what_was_answered_is_kept_and_what_failed_is_asked_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def flaky(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        asked.append(body["messages"][0]["content"])
        if body["messages"][0]["content"] == "two" and asked.count("two") == 1:
            return 400, {"error": {"message": "no"}}
        return 200, chat("yes")

    asks = [Ask("one"), Ask("two"), Ask("one")]
    kept = tmp_path / "answers.jsonl"
    with serving(flaky) as url:
        first = Endpoint(url, "m", kept=kept, concurrency=1).answers(asks)
        assert [bool(one.error) for one in first] == [False, True, False]
        with kept.open("a") as file:
            file.write('\n{"key": "cut o')
        again = Endpoint(url, "m", kept=kept)
        assert [one.text for one in again.answers(asks)] == ["yes"] * 3
        assert asked == ["one", "two", "two"]
        assert Endpoint(url, "m", kept=kept).answers(asks)[1].text == "yes"
        assert Endpoint(url, "m", kept=kept, temperature=0.0).answers(asks[:1])[0].text == "yes"
    assert asked == ["one", "two", "two", "one"]
    kept.write_text("nothing of the kind\n")
    with pytest.raises(TextError, match="holds no answers"):
        Endpoint(url, "m", kept=kept)


def test_thinking_handed_over_apart_is_put_before_the_answer() -> None:
    def apart(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        made = chat("the answer is Ann")
        made["choices"][0]["message"]["reasoning_content"] = "the answer is Bob"
        if "Ben" in body["messages"][0]["content"]:
            made["choices"][0]["message"]["content"] = None
        return 200, made

    with serving(apart) as url:
        scored = evaluate(EXAMPLES[:2], Endpoint(url, "m"), thinking=True)
    assert [one.answer for one in scored] == ["Ann", None]


def test_differences_are_paired() -> None:
    def direct(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        right = "Ann?" in body["messages"][0]["content"] or body.get("cprs") == {"ratio": 2}
        said = body["messages"][0]["content"].partition("Who is ")[2].partition("?")[0]
        return 200, chat(f"the answer is {said if right else 'nobody'}")

    with serving(direct) as url:
        one = summarise("one", evaluate(EXAMPLES, Endpoint(url, "m")))
        behind = Endpoint(url, "m", extra={"cprs": {"ratio": 2}})
        other = summarise("other", evaluate(EXAMPLES, behind))
    found = difference(one, other)
    assert found is not None
    assert found.value == pytest.approx(0.8)
    assert 0.3 < found.low < 0.8 < found.high <= 1.0
    assert difference(one, summarise("none", [])) is None
    assert "other - one, paired" in markdown([one, other], rule="cover")


def test_contexts_lose_their_middle(tmp_path: Path) -> None:
    made = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    made.pre_tokenizer = Whitespace()
    path = tmp_path / "tokenizer.json"
    made.save(str(path))
    long = Example("a", "q", "Ünö two,  three four five six\nseven eight.", ("x",))
    fit = Fit(5, path)
    assert fit(long) == "Ünö twoseven eight."
    assert fit(EXAMPLES[0]) == EXAMPLES[0].context
    assert fit.cut == {"a"}
    assert Fit(1, path)(long) == "."
    with pytest.raises(OptionError, match="at least 1 token"):
        Fit(0, path)
    path.write_text("{")
    for wrong, says in ((path, "no tokenizer"), (tmp_path / "none.json", "no such file")):
        with pytest.raises(TextError, match=says):
            Fit(4, wrong)


def test_sets_are_told_by_source_or_file(tmp_path: Path) -> None:
    write_examples(tmp_path / "qasper.jsonl", [Example("a", "q", "c", ("x",))])
    write_examples(tmp_path / "more.jsonl", EXAMPLES)
    found = read_sets([tmp_path / "qasper.jsonl", tmp_path / "more.jsonl"], first=2)
    assert [(one.source, one.uid) for one in found] == [
        ("qasper", "a"),
        ("musique", "Ann"),
        ("musique", "Ben"),
    ]
    with pytest.raises(TextError, match="has had an example"):
        read_sets([tmp_path / "more.jsonl", tmp_path / "more.jsonl"])


def test_the_command(tmp_path: Path) -> None:
    data, out = tmp_path / "x.jsonl", tmp_path / "out"
    write_examples(data, EXAMPLES)
    seen: list[Any] = []

    def told(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        seen.append(body.get("cprs"))
        return model(path, body)

    with serving(told) as url:
        done = l1(
            "eval", "--data", str(data), "--url", url, "--model", "m", "--out", str(out),
            "--cprs", '{"ratio": 4}', "--judge", url, "--json",
        )  # fmt: skip
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert [one["name"] for one in found["runs"]] == ["m", "m behind cprs"]
    assert seen.count(False) == 5
    assert seen.count({"ratio": 4}) == 5
    assert "arXiv 2505.17667" in (out / "report.md").read_text()
    assert len((out / "scores.jsonl").read_text().splitlines()) == 10
    assert "too long" in done.err
    bad = l1("eval", "--data", str(data), "--url", "u", "--model", "m", "--cprs", "{")
    assert bad.code == 2
    assert "--cprs is not JSON" in bad.err
