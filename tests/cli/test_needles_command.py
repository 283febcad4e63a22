"""`cprs eval needles` and `cprs eval empty`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import run

SMALL = ("eval", "needles", "--critic", "lexical", "--tokens", 1_500, "--ratio", 15, "--depths", 2)


def test_needles_as_table_and_json() -> None:
    found = (*SMALL, "--task", "needle_word", "--least", "1")
    done = run(*found)
    assert (done.code, done.err) == (0, "")
    assert done.out.decode().splitlines()[1].split() == ["lexical", "needle_word", "2/2"]
    assert json.loads(run(*found, "--json").out)["least"] == 1


def test_too_few_needles_fail_the_check_and_are_shown() -> None:
    # Links of a chain share no word with the question about its number.
    lost = (*SMALL, "--task", "variables")
    assert run(*lost).code == 0
    done = run(*lost, "--least", "1", "--verbose")
    assert done.code == 1
    assert "kept where it is worst" in done.error
    assert "missed: " in done.out.decode()


def test_nothing_is_kept_of_other_peoples_text(tmp_path: Path) -> None:
    hay = tmp_path / "hay.txt"
    hay.write_text(("Nobody minds the weather. " * 12 + "The otter sleeps. ") * 9)
    base = ("eval", "empty", "--critic", "lexical", "--tokens", 1_000, "--haystack", hay)
    done = run(*base, "--question", "zyzzyva?", "--most", "0")
    assert (done.code, done.err) == (0, "")
    done = run(*base, "--question", "otter sleeps", "--most", "0.001")
    assert done.code == 1
    assert "on average" in done.error
    assert json.loads(run(*base, "--question", "zyzzyva?", "--json").out)["most"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--task", "hay"), 2, "unknown task 'hay'"),
        (("--least", "2"), 2, "--least"),
        (("--haystack", "nowhere.txt"), 3, "nowhere.txt"),
        (("--critic", "nobody"), 2, "unknown critic"),
    ],
)
def test_misuse(arguments: tuple[str, ...], code: int, says: str) -> None:
    done = run(*SMALL, *arguments)
    assert done.code == code
    assert says in done.error
