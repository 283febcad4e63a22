"""Chat transcripts: turns keep their speakers."""

from __future__ import annotations

import pytest

from cprs.formats import segment
from cprs.units import Role

MARKS = [
    "User: ",
    "Assistant: ",
    "Ann: ",
    "Ann Lee: ",
    "DR. LEE: ",
    "[10:02] Ann: ",
    "[10:02:11 PM] Ann: ",
    "10:02 - Ann: ",
    "12/03/2024, 10:02 - Ann: ",
    "[12.03.24, 10:02:11] Ann: ",
    "(00:10) Speaker 1: ",
    "Speaker 1 (00:10): ",
    "Speaker 1 [00:10]: ",
    "**Ann**: ",
    "**Ann:** ",
    "### Ann: ",
    "[10:02] <ann> ",
    "<@ann> ",
    "用户：",
    "Ann:\n",
]


@pytest.mark.parametrize("mark", MARKS)
def test_sentences_depend_on_their_speaker(mark: str) -> None:
    text = f"{mark}One thing. Note: two\nthings.\n\n{mark}Bye."
    units = segment(text, format="chat", granularity="sentence").units
    speakers = [i for i, unit in enumerate(units) if unit.kind == "speaker"]
    assert [text[units[i].start : units[i].end] for i in speakers] == [mark, mark]
    assert all(units[i].role == Role.FRAME and units[i].parent == -1 for i in speakers)
    said = [i for i in range(len(units)) if i not in speakers]
    assert {units[i].parent for i in said} == set(speakers)
    assert all(units[i].parent == max(s for s in speakers if s < i) for i in said)
    assert text[units[said[0]].start : units[said[0]].end] == "One thing. "


@pytest.mark.parametrize("mark", MARKS)
def test_a_turn_is_whole(mark: str) -> None:
    turn = f"{mark}One thing.\nNote: things.\n\nThree.\n"
    units = segment(turn + turn, format="chat", granularity="turn").units
    assert units.bounds.tolist() == [0, len(turn), 2 * len(turn)]


def test_labels_are_no_speakers_where_roles_talk() -> None:
    text = "User: Why?\nAssistant: Because.\nNote: not always.\nExample: now.\nUser: Ah.\n"
    units = segment(text, format="chat").units
    assert [text[u.start : u.end].split(":")[0] for u in units] == ["User", "Assistant", "User"]


def test_text_before_the_first_turn_and_silent_turns() -> None:
    text = "A talk. In May.\n\nAnn:\nBob: Hi."
    units = segment(text, format="chat", granularity="sentence").units
    assert [(text[u.start : u.end], u.parent, u.role) for u in units] == [
        ("A talk. ", -1, Role.CONTENT),
        ("In May.\n\n", -1, Role.CONTENT),
        ("Ann:\n", -1, Role.CONTENT),
        ("Bob: ", -1, Role.FRAME),
        ("Hi.", 3, Role.CONTENT),
    ]


def test_no_speaker_at_all() -> None:
    text = "Only prose. Two sentences."
    assert len(segment(text, format="chat", granularity="sentence").units) == 2
    assert len(segment(text, format="chat").units) == 1
