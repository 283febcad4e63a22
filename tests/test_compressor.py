"""The public API: golden results, steps, cancellation, errors."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
from typing import Any

import numpy as np
import pytest
from support import DiceCritic

import cprs
from cprs import (
    BudgetError,
    Cancelled,
    Compressed,
    Compressor,
    OptionError,
    Progress,
    TextError,
)
from cprs.tokens import TokenCounter

NOTES = (
    "Minutes of 3 May. Ann Lee chaired the meeting. Lunch was late. "
    "The budget was approved by Bob. Nobody objected."
)


@pytest.fixture(scope="module")
def lexical() -> Compressor:
    return Compressor("lexical")


def test_public_names() -> None:
    assert sorted(cprs.__all__) == [
        "BudgetError", "Cancelled", "Compressed", "Compressor", "CprsError", "Decoding",
        "Encoded", "Guidance", "Layout", "OptionError", "Progress", "Scorer", "Span", "StateCache",
        "TextError", "TokenCritic", "TokenScores", "Unit", "Units", "WeightsError", "Window",
        "__version__",
    ]  # fmt: skip
    assert all(getattr(cprs, name) is not None for name in cprs.__all__)


def test_signatures() -> None:
    assert list(inspect.signature(Compressor).parameters) == [
        "critic", "device", "target_model", "workers", "cache", "engine",
    ]  # fmt: skip
    assert list(inspect.signature(Compressor.compress).parameters)[1:] == [
        "text", "query", "instruction", "budget", "ratio", "threshold", "granularity", "format",
        "labels", "hops", "effort", "decode", "protect", "progress", "cancel",
    ]  # fmt: skip


def test_a_golden_result(lexical: Compressor) -> None:
    result = lexical.compress(NOTES, query="Who chaired the meeting?", budget=6)
    assert result.text == "Ann Lee chaired the meeting. "
    (span,) = result.spans
    assert (span.start, span.end, span.document, span.label) == (18, 47, 0, None)
    assert NOTES[span.start : span.end] == result.text
    assert 0 < span.score <= 1
    assert (result.tokens_in, result.tokens_out) == (25, 6)
    assert result.ratio == 25 / 6
    assert result.kept == {"sentence": 1}
    assert result.dropped == {"sentence": 4}
    assert result.critic == lexical.critic.name
    assert set(result.timings) == {"cut", "read", "select"}
    assert result.warnings == ()


def test_a_ratio_is_tokens_in_over_tokens_out(lexical: Compressor) -> None:
    assert lexical.compress(NOTES, query="budget", ratio=3).tokens_out <= 25 / 3


def test_a_label_names_the_spans(lexical: Compressor) -> None:
    instruction = "Extract sentences on the budget. Tag them with 'money'."
    result = lexical.compress(NOTES, instruction=instruction, ratio=3)
    assert {span.label for span in result.spans} == {"money"}


def test_several_labels_need_a_critic_that_tells_them_apart(lexical: Compressor) -> None:
    result = lexical.compress(NOTES, query="budget", labels=["a", "b"], ratio=3)
    assert {span.label for span in result.spans} == {None}
    assert any("does not tell labels apart" in warning for warning in result.warnings)


def test_the_target_models_tokens_count() -> None:
    letters = TokenCounter("letters", len)
    compressor = Compressor("lexical", target_model=letters)
    result = compressor.compress(NOTES, query="Who approved the budget?", budget=40)
    assert result.tokens_in == len(NOTES)
    assert result.tokens_out == len(result.text) <= 40
    assert result.text in NOTES


def test_an_estimated_count_is_said(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    result = Compressor("lexical", target_model="gpt-4o").compress(NOTES, query="Bob", ratio=2)
    assert any("'gpt-4o'" in warning and "estimated" in warning for warning in result.warnings)


def test_documents_are_told_apart(lexical: Compressor) -> None:
    result = lexical.compress_many([NOTES, "", "Bob likes tea. Ann too."], query="Bob", ratio=2)
    assert {span.document for span in result.spans} == {0, 2}
    assert result.documents[1] == ""
    assert result.text == result.documents[0] + "\n\n" + result.documents[2]


def test_formats_may_differ(lexical: Compressor) -> None:
    result = lexical.compress_many(
        ['[{"who": "Ann"}, {"who": "Bob"}]', NOTES],
        query="Bob",
        formats=["json", "text"],
        threshold=0.1,
    )
    assert json.loads(result.documents[0]) == [{"who": "Bob"}]


def test_a_budget_that_ends_at_a_large_record_says_so(lexical: Compressor) -> None:
    rows = [{"who": "Ann Bob"}, {"who": "Bob", "log": "word " * 300}, {"who": "Bob", "log": "x y"}]
    result = lexical.compress(json.dumps(rows), query="Ann Bob log word", budget=60)
    assert result.tokens_out <= 60
    (warning,) = result.warnings
    assert warning.startswith("budget not used up: the next best record has 3")


def test_a_filename_helps_to_detect(lexical: Compressor) -> None:
    texts = ["a\tb\n1\tBob\n", '[{"a": "Bob"']
    result = lexical.compress_many(
        texts, query="Bob", filenames=["x.tsv", "broken.json"], granularity="row", threshold=0.1
    )
    assert result.documents == ("a\tb\n1\tBob\n", texts[1])
    broken, other = result.warnings
    assert broken.startswith("broken.json: cut as plain text: broken JSON at line 1, column 13")
    assert other == "text has no granularity 'row': it was cut by sentence"


def test_a_second_hop_reaches_what_the_first_found() -> None:
    filler = [f"Item {i} weighs {i} stone." for i in range(40)]
    text = " ".join([*filler[:20], "The winner was Zorbo.", *filler[20:], "Zorbo lives in Ulm."])
    compressor = Compressor("lexical")
    question = "Where does the winner live?"
    assert "Ulm" not in compressor.compress(text, query=question, budget=6).text
    assert "Ulm" in compressor.compress(text, query=question, budget=14, hops=2).text


def test_steps_end_with_the_result(lexical: Compressor) -> None:
    *steps, last = lexical.iterate([NOTES], query="Bob", ratio=2)
    assert isinstance(last, Compressed)
    assert all(isinstance(step, Progress) for step in steps)
    assert [s.stage for s in steps if isinstance(s, Progress)][:1] == ["cut"]
    reads = [s for s in steps if isinstance(s, Progress) and s.stage == "read"]
    assert reads[-1].done == reads[-1].total == last.tokens_in


def test_progress_and_cancellation() -> None:
    critic, cancel, seen = DiceCritic(), threading.Event(), list[Progress]()

    def progress(step: Progress) -> None:
        seen.append(step)
        if step.stage == "read":
            cancel.set()

    with pytest.raises(Cancelled, match="nothing was kept"):
        Compressor(critic, workers=1).compress(
            NOTES * 50, query="Bob", ratio=2, progress=progress, cancel=cancel
        )
    assert seen[-1].stage == "read"
    assert seen[-1].done < seen[-1].total


def test_acompress() -> None:
    async def main() -> Compressed:
        return await Compressor("lexical").acompress(NOTES, query="Bob", ratio=3)

    assert "Bob" in asyncio.run(main()).text


def test_cancelling_the_task_stops_the_run() -> None:
    started, cancel = threading.Event(), threading.Event()

    async def main() -> None:
        task = asyncio.create_task(
            Compressor(DiceCritic()).acompress(
                NOTES * 2000, query="Bob", ratio=2, cancel=cancel,
                progress=lambda step: started.set() if step.stage == "read" else None,
            )
        )  # fmt: skip
        await asyncio.to_thread(started.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cancel.is_set()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"query": ""}, OptionError, "nothing to look for"),
        ({"budget": 0}, OptionError, "budget must be at least 1 token, got 0"),
        ({"budget": -3}, OptionError, "budget must be at least 1 token, got -3"),
        ({"budget": 2.5}, OptionError, "whole number"),
        ({"budget": 1}, BudgetError, "too small for the best sentence, which needs"),
        ({"ratio": 0.5}, OptionError, "ratio must be at least 1"),
        ({"ratio": float("nan")}, OptionError, "ratio must be at least 1"),
        ({"budget": 5, "ratio": 2}, OptionError, "budget or ratio, not both"),
        ({"threshold": 1.5}, OptionError, "threshold must lie between 0 and 1"),
        ({"hops": 0}, OptionError, "hops must be 1 to 4"),
        ({"hops": 1.5}, OptionError, "hops must be 1 to 4, got 1.5"),
        ({"ratio": "16"}, OptionError, "ratio must be a number, got '16'"),
        ({"threshold": "x"}, OptionError, "threshold must be a number, got 'x'"),
        ({"query": 5}, OptionError, "query must be text .* got int"),
        ({"granularity": 3}, OptionError, "granularity must be text"),
        ({"format": 3}, OptionError, "formats must be names"),
        ({"labels": "fact"}, OptionError, "labels must be a sequence of words"),
        ({"protect": (0, 5)}, OptionError, r"pairs of code points.* got \(0, 5\)"),
        ({"protect": [(0.5, 2.5)]}, OptionError, "pairs of code points"),
        (
            {"granularity": "stanza"},
            OptionError,
            r"unknown granularity 'stanza'; known: sentence",
        ),
        ({"format": "docx"}, OptionError, r"unknown format 'docx'; known: .*json"),
        ({"format": "json"}, TextError, "line 1"),
        ({"protect": [(5, 900)]}, OptionError, r"protected range \(5, 900\) does not lie"),
        ({"protect": [(0, 60)], "budget": 3}, BudgetError, "what must be kept needs"),
    ],
)
def test_bad_options(
    lexical: Compressor, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        lexical.compress(NOTES, **{"query": "Who chaired the meeting?", **options})
    assert "\n" not in str(caught.value)


def test_any_whole_number_is_a_budget(lexical: Compressor) -> None:
    query = "Who chaired the meeting?"
    assert (
        lexical.compress(NOTES, query=query, budget=np.int64(8)).text
        == lexical.compress(NOTES, query=query, budget=8).text
    )


@pytest.mark.parametrize("workers", [0, -1])
def test_workers_are_at_least_one(workers: int) -> None:
    with pytest.raises(OptionError, match=f"workers must be at least 1, got {workers}"):
        Compressor("lexical", workers=workers)


def test_of_many_json_documents_those_without_evidence_are_left_out(lexical: Compressor) -> None:
    documents = [json.dumps({"room": i, "who": [{"name": f"Guest{i}"}]}) for i in range(50)]
    result = lexical.compress_many(documents, query="guest7", budget=20)
    assert [bool(kept) for kept in result.documents] == [i == 7 for i in range(50)]
    assert json.loads(result.documents[7])["who"] == [{"name": "Guest7"}]


def test_a_speaker_is_never_kept_without_words(lexical: Compressor) -> None:
    talk = "Ann: Who chaired?\nBob: Lunch was late and the talk was long.\n" * 20
    for budget in range(5, 60):
        result = lexical.compress(talk, query="who chaired the lunch", format="chat", budget=budget)
        assert not {"Ann:", "Bob:"} & {talk[s.start : s.end].strip() for s in result.spans}


def test_broken_json_is_read_as_text_and_said(lexical: Compressor) -> None:
    text = json.dumps([{"name": "Ann", "role": "chair"}] * 2000, indent=1)[:-9]
    result = lexical.compress_many([text], query="chair", budget=20, filenames=["a.json"])
    assert any("a.json: cut as plain text: broken JSON at line" in w for w in result.warnings)


@pytest.mark.parametrize("granularity", ["record", "member"])
def test_any_protected_part_of_json_survives(lexical: Compressor, granularity: str) -> None:
    text = '{"a": [{"x": 1, "y": [2, 3]} , {"x": 4}],\n "b": {"c": "d"}, "e": []}'
    for start in range(len(text)):
        result = lexical.compress(
            text,
            query="nothing",
            threshold=1,
            format="json",
            granularity=granularity,
            protect=[(start, start + 1)],
        )
        assert any(span.start <= start < span.end for span in result.spans)
        json.loads(result.text)


def test_half_a_row_or_tag_is_never_kept(lexical: Compressor) -> None:
    page = (
        "<h1>Minutes</h1>"
        + '<p title="One. Two. Three.">Ann <a href="a. b. c">chaired it</a>. Lunch was late.</p>'
        * 3
        + "<table><tr><th>Who</th></tr><tr><td>Ann chaired. It was long.</td></tr></table>"
    )
    for budget in range(5, 120):
        try:
            result = lexical.compress(page, query="Ann chaired lunch", format="html", budget=budget)
        except BudgetError:
            continue
        assert result.text.count("<") == result.text.count(">")
        assert result.text.count("<tr>") == result.text.count("</tr>")


def test_a_function_cut_short_keeps_its_strings_whole(lexical: Compressor) -> None:
    code = 'def chair(a):\n    x = 1\n    y = """one\n    two\n    three"""\n    return x\n'
    for budget in range(5, 40):
        try:
            result = lexical.compress(code * 3, query="chair", format="python", budget=budget)
        except BudgetError:
            continue
        assert result.text.count('"""') % 2 == 0


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_empty_text(lexical: Compressor, text: str) -> None:
    with pytest.raises(TextError, match="the text is empty"):
        lexical.compress(text, query="Bob")


def test_text_must_be_text(lexical: Compressor) -> None:
    with pytest.raises(OptionError, match=r"document 0 must be text \(str\), got bytes"):
        lexical.compress(b"abc", query="Bob")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="sequence of texts"):
        lexical.compress_many("abc", query="Bob")


def test_an_unknown_critic_lists_the_known() -> None:
    with pytest.raises(OptionError, match=r"unknown critic 'gpt'; known: embedded, lexical"):
        Compressor("gpt")


@pytest.mark.parametrize(
    "text",
    ["a\x00b. c\x00d Bob.", "x \ud800 Bob. y.", "שלום Bob. עולם.", "e\u0301 Bob. 👩‍👩‍👧‍👦!"],
)
def test_odd_text(lexical: Compressor, text: str) -> None:
    result = lexical.compress(text, query="Bob", threshold=0.01)
    assert "Bob" in result.text
    assert all(text[s.start : s.end] in result.text for s in result.spans)


def test_nothing_found_is_an_empty_text(lexical: Compressor) -> None:
    result = lexical.compress(NOTES, query="quantum chromodynamics", threshold=0.5)
    assert (result.text, result.spans, result.tokens_out) == ("", (), 0)
    assert any("nothing was kept" in warning for warning in result.warnings)
