"""Loong on small made-up files in its public layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai", reason="needs cprs[l1]")

from companion import l1
from model_endpoint import chat, serving

from cprs.errors import TextError
from cprs.l1.eval.endpoint import Endpoint
from cprs.l1.loong.documents import Documents, gives_verdicts
from cprs.l1.loong.prompt import LoongPrompts, fill
from cprs.l1.loong.quoted import BY_LEVEL, BY_SET
from cprs.l1.loong.rating import Rated, judge_prompt, parse_rating, score
from cprs.l1.loong.report import slices
from cprs.l1.loong.run import rate
from cprs.l1.loong.task import Task, read_tasks

GIVEN = "阅读以上判决文书，我将给你若干份判决结果：{...}"
TEMPLATE = "{docs}\n\n{instruction}\n\n{question}"
ROWS: list[dict[str, Any]] = [
    {
        "id": "f1", "level": 1, "set": 1, "type": "financial", "language": "en", "length": 12_000,
        "question": "Whose cash was most?", "instruction": "Answer in a word.",
        "doc": ["ACME", "Beta", "Gamma"], "answer": "ACME",
    },
    {
        "id": "f4", "level": 4, "set": 2, "type": "financial", "language": "zh", "length": 60_000,
        "question": "How did it go?", "instruction": "", "doc": ["2023-ACME"],
        "answer": {"2023": 5},
    },
    {
        "id": "l4", "level": 4, "set": 1, "type": "legal", "language": "zh", "length": 20_000,
        "question": GIVEN, "instruction": "", "doc": ["one", "two"], "answer": {"a": "1"},
        "shuffle_doc": False,
    },
    {
        "id": "p3", "level": 3, "set": 4, "type": "paper", "language": "en", "length": 300_000,
        "question": "Who cites {docs} whom?", "instruction": "A list.", "doc": ["1.md"],
        "answer": ["x", "ü"],
    },
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The repository with its documents in `doc`."""
    (tmp_path / "data").mkdir()
    write(tmp_path / "data/loong.jsonl", ROWS)
    docs = tmp_path / "doc"
    for kind in ("financial", "legal", "paper"):
        (docs / kind).mkdir(parents=True)
    reports = {
        "2024-ACME": "acme of 2024", "2024-ACME Holdings": "another", "2023-ACME": "acme of 2023",
        "2024-Beta": "beta is long " * 50, "2024-Gamma": "gamma",
    }  # fmt: skip
    for name, text in reports.items():
        (docs / "financial" / f"{name}.txt").write_text(text)
    (docs / "paper/1.md").write_text("# On Ünits\nText.")
    rulings = {name: {"content": f"case {name}. ", "result": "VERDICT"} for name in ("one", "two")}
    (docs / "legal/legal.json").write_text(json.dumps(rulings))
    return tmp_path


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    lines = [json.dumps({"prompt_template": TEMPLATE, **row}) + "\n" for row in rows]
    path.write_text("".join(lines))


def tasks(folder: Path) -> dict[str, Task]:
    return {task.id: task for task in read_tasks(folder)}


def test_rows_are_read_and_chosen(folder: Path) -> None:
    assert list(tasks(folder)) == ["f1", "f4", "l4", "p3"]
    assert [task.id for task in read_tasks(folder, levels=[4], sets=[1])] == ["l4"]
    with pytest.raises(TextError, match="holds no row"):
        read_tasks(folder, levels=[2])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"level": 5}, "level and set are from 1 to 4"),
        ({"type": "novel"}, "unknown type 'novel'"),
        ({"doc": 3}, "no row of Loong"),
        ({"question": None}, "must be texts"),
    ],
)
def test_a_row_that_is_none_says_where(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    path = tmp_path / "x.jsonl"
    write(path, [ROWS[0], {**ROWS[0], **change}])
    with pytest.raises(TextError, match=rf"x\.jsonl:2: .*{says}"):
        read_tasks(path)
    path.write_text('{"id": 1}')
    with pytest.raises(TextError, match="needs 'level'"):
        read_tasks(path)


def test_documents_stand_under_their_headings(folder: Path) -> None:
    documents, rows = Documents(folder / "doc"), tasks(folder)
    assert documents.of(rows["f1"])[0] == "《ACME》\nacme of 2024\n\n"
    assert documents.of(rows["f4"]) == ["《ACME》\nacme of 2023\n\n"]
    assert documents.of(rows["p3"]) == ["On Ünits\n# On Ünits\nText.\n\n"]
    (folder / "doc/financial/2024-Beta.txt").unlink()
    documents = Documents(folder / "doc")
    with pytest.raises(TextError, match=r"no report '2024-Beta' \(row f1\)"):
        documents.of(rows["f1"])


def test_verdicts_that_are_asked_for_are_not_shown(folder: Path) -> None:
    row = tasks(folder)["l4"]
    shown = Documents(folder / "doc").of(row)
    assert shown == ["《判决文书1》\ncase one. \n\n", "《判决文书2》\ncase two. \n\n"]
    leaking = Documents(folder / "doc", compat=True).of(row)
    assert "".join(leaking).count("VERDICT") == 2
    assert gives_verdicts(row)
    assert not gives_verdicts(row, compat=True)
    other = next(iter(read_tasks(folder)))
    assert not gives_verdicts(other)


def test_what_does_not_fit_is_left_out_and_smaller_ones_go_in(folder: Path) -> None:
    row = tasks(folder)["f1"]
    prompts = LoongPrompts(Documents(folder / "doc"), limit=25, count=lambda t: len(t.split()))
    (text,) = prompts.of([row])
    assert "beta" not in text
    assert "acme" in text
    assert "gamma" in text
    assert prompts.left_out == {"f1": 1}
    assert text.endswith("Answer in a word.\n\nWhose cash was most?")


def test_orders_do_not_hang_on_what_else_is_asked(folder: Path) -> None:
    rows = read_tasks(folder)
    prompts = LoongPrompts(Documents(folder / "doc"))
    assert prompts.of(rows)[0] == prompts.of(rows[:1])[0] == prompts.of(rows[::-1])[-1]
    orders = {
        LoongPrompts(Documents(folder / "doc"), seed=seed).of(rows[:1])[0] for seed in range(4)
    }
    assert len(orders) > 1


def test_slots_are_filled_once(folder: Path) -> None:
    row = tasks(folder)["p3"]
    assert fill(row, "{question}") == "{question}\n\nA list.\n\nWho cites {docs} whom?"
    said = judge_prompt(row, "mine")
    assert "[Question]\nA list.\n\nWho cites {docs} whom?" in said
    assert '["x", "ü"]' in said
    assert "[Question]\n{docs}\n\nA list." in judge_prompt(row, "mine", compat=True)


@pytest.mark.parametrize(
    ("said", "rating", "released"),
    [
        ("Good.\nRating: [[100]]", 100, 100),
        ("Good.\n\nRating: [[ 7.5 ]]\n", 7.5, None),
        ("Rating: [[850]]", None, 850),
        ("Rating: [[50]]\nor so", None, 50),
        ("[[10]] no\nRating: [[90]]", 90, 10),
        ("Rating: [80]", None, 80),
        ("See [3].\nRating: none", None, 3),
        ("<think>[[1]]</think>\nRating: [[2]]", 2, 1),
        ("Rating: [[1]] [[2]]", None, 1),
        ("", None, None),
    ],
)
def test_ratings(said: str, rating: float | None, released: float | None) -> None:
    assert parse_rating(said) == rating
    assert parse_rating(said, compat=True) == released


def test_scores_by_hand(folder: Path) -> None:
    rows = tasks(folder)
    rated = [
        Rated(rows["f1"], True, 100.0),
        Rated(rows["f1"], True, 50.0),
        Rated(rows["f4"], False, None),
        Rated(rows["f4"], True, None),
    ]
    found = score(rated)
    assert (found.rows, found.failed, found.unrated) == (4, 1, 1)
    assert found.average == pytest.approx(50)  # of 100, 50 and the one that failed
    assert found.perfect == pytest.approx(1 / 3)
    assert (found.low, found.high) == (37.5, 62.5)
    released = score(rated, compat=True)
    assert (released.average, released.perfect) == (75, 0.5)
    assert score([rated[3]]).average is None
    table = slices(rated)
    assert set(table) == {"all", "10K-50K", "50K-100K"}
    assert table["10K-50K"]["Spotlight Locating"].average == 75
    assert table["50K-100K"]["Chain of Reasoning"].average == 0


def test_from_rows_to_ratings(folder: Path) -> None:
    def answer(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        said = body["messages"][0]["content"]
        if body["model"] == "judge":
            assert body["temperature"] == 0
            assert "hm" not in said
            return 200, chat("Right.\nRating: [[100]]" if "ACME is" in said else "Rating: five")
        if "How did it go?" in said:
            return 200, chat("<think>it never ends")
        return 200, chat("<think>hm</think>ACME is." if "cash" in said else "something")

    with serving(answer) as url:
        judge = Endpoint(url, "judge", temperature=0.0)
        rows = read_tasks(folder)
        found = rate(rows, LoongPrompts(Documents(folder / "doc")), Endpoint(url, "m"), judge)
    assert [(one.answered, one.rating) for one in found] == [
        (True, 100.0),
        (False, None),
        (True, None),
        (True, None),
    ]


def test_the_commands(folder: Path) -> None:
    told = l1("loong", "stats", "--data", folder)
    assert told.code == 0, told.err
    assert "1 rows give verdicts" in told.out.decode()

    def answer(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        judging = body["model"] == "judge"
        return 200, chat("Rating: [[40]]" if judging else "yes")

    with serving(answer) as url:
        done = l1(
            "loong", "run", "--data", folder, "--docs", folder / "doc", "--url", url, "--model",
            "m", "--judge", url, "--out", folder / "out",
        )  # fmt: skip
    assert done.code == 0, done.err
    text = done.out.decode()
    assert "| all | 40.00/0.00 (n=1) | - | 40.00/0.00 (n=1) | 40.00/0.00 (n=2) |" in text
    assert "| GPT-4o (quoted) | 73.95/0.62 |" in text
    released = folder / "rated.jsonl"
    answers = {"generate_response": "x", "eval_response": "so\nRating: [[100]]"}
    write(released, [{**ROWS[0], **answers}, {**ROWS[0], **answers, "generate_response": ""}])
    scored = l1("loong", "score", released, "--json")
    assert scored.code == 0, scored.err
    run = json.loads(scored.out)["runs"]["rated"]
    assert run["all"]["overall"]["average"] == 50
    missing = l1("loong", "score", folder / "data/loong.jsonl")
    assert missing.code == 3
    assert "has no 'eval_response'" in missing.error


def test_quoted_figures_agree_with_themselves() -> None:
    """Overall is about the mean over the rows of each task, and over those of each set."""
    for model, pairs in BY_LEVEL.items():
        tasks_ = sum(n * pair[0] for n, pair in zip((250, 300, 641, 409), pairs, strict=False))
        sets = sum(n * value for n, value in zip((323, 564, 481, 232), BY_SET[model], strict=True))
        assert tasks_ / 1600 == pytest.approx(pairs[4][0], abs=0.7), model
        assert sets / 1600 == pytest.approx(pairs[4][0], abs=1.5), model
