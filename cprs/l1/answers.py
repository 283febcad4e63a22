"""What a policy said: its thinking, and the answer in the form it was asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass

OPEN, CLOSE = "<think>", "</think>"
_ANSWER = re.compile(r"\bthe (?:final )?answer is\b\s*:?", re.IGNORECASE)
_CHOICE = re.compile(r"\bthe (?:correct |final )?answer is\b\s*:?", re.IGNORECASE)
_PAIRS = {"(": ")", "[": "]", "{": "}", '"': '"', "“": "”", "'": "'", "`": "`", "$": "$"}
_SPECIAL = re.compile(r"<[|｜][^<>\n]{1,40}[|｜]>")
"""End and role markers, where a response was decoded with them."""


@dataclass(frozen=True, slots=True)
class Said:
    """A response: its `thinking`, and the `rest`, which holds the answer. `closed` says that the
    thinking came to its end."""

    thinking: str
    rest: str
    closed: bool


def split_thinking(response: str) -> Said:
    """Cut a response behind its last `</think>`. Without one, all of it is `rest`: whether that
    is worth an answer is for whoever judges (training says no, the released evaluation yes)."""
    thinking, mark, rest = response.rpartition(CLOSE)
    if not mark:
        return Said("", response.removeprefix(OPEN).strip(), closed=False)
    return Said(thinking.strip().removeprefix(OPEN).strip(), rest.strip(), closed=True)


def parse_answer(rest: str, *, kind: str = "text") -> str | None:
    """What stands behind the last "the answer is", to the end of its line, without emphasis,
    brackets or quotes around it and its full stop. None where nothing does.

    Upper or lower case, "the final answer is" and a colon are all right; for a choice also
    "the correct answer is".
    """
    text = _SPECIAL.sub("", rest.replace("*", "").replace("\\boxed", ""))
    found = list((_CHOICE if kind == "choice" else _ANSWER).finditer(text))
    if not found:
        return None
    behind = text[found[-1].end() :].lstrip()
    line = behind.partition("\n")[0]
    return _bare(line) or None


def answer_of(response: str, *, kind: str = "text", thinking: bool = True) -> str | None:
    """The answer of a whole response; None where it cannot be told. With `thinking`, a response
    whose thinking never ended has none."""
    said = split_thinking(response)
    if thinking and not said.closed:
        return None
    return parse_answer(said.rest, kind=kind)


def _bare(text: str) -> str:
    before = None
    while text != before:
        before = text
        text = text.strip().rstrip("。").strip()
        if text.endswith(".") and not text.endswith(".."):
            text = text[:-1].rstrip()
        if len(text) > 1 and _wrapped(text):
            text = text[1:-1]
    return text


def _wrapped(text: str) -> bool:
    """Whether the first bracket closes with the last: not so in "(a) or (b)"."""
    first, inside, last = text[0], text[1:-1], text[-1]
    return _PAIRS.get(first) == last and first not in inside and last not in inside
