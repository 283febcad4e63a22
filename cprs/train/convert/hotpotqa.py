"""HotpotQA (distractor setting) and 2WikiMultihopQA, which is built like it.

A list of `{"_id", "question", "answer", "supporting_facts": [[title, sentence]], "context":
[[title, [sentences]]]}`. https://hotpotqa.github.io
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cprs.train.convert.entries import read_entries
from cprs.train.convert.fields import Note, Span, entry, list_of, text_of, trim, united
from cprs.train.sets.data import Document, Question


def convert_hotpotqa(path: Path, *, note: Note) -> Iterator[Document]:
    """A document for each question: all its paragraphs. Evidence: the supporting sentences.

    An entry that calls a sentence supporting which is not there is left out, and noted.
    """
    return _convert(path, note, name="hotpotqa")


def convert_2wiki(path: Path, *, note: Note) -> Iterator[Document]:
    """As HotpotQA."""
    return _convert(path, note, name="2wiki")


def _convert(path: Path, note: Note, *, name: str) -> Iterator[Document]:
    for number, row in read_entries(path):
        with entry(path, number):
            text, places = _text(row)
            facts = [(str(title), int(at)) for title, at in list_of(row, "supporting_facts")]
            missing = [fact for fact in facts if fact not in places]
            question = Question(
                text_of(row, "question").strip(),
                united(places[fact] for fact in facts if fact in places),
                (text_of(row, "answer"),),
                "sentence",
            )
        if missing or not facts:
            what = f"no sentence {missing[0][1]} in {missing[0][0]!r}" if missing else "no facts"
            note(f"entry {number}: left out: {what}")
            continue
        identifier = str(row.get("_id", row.get("id", number)))
        yield Document(identifier, name, text, (question,), domain="wikipedia", context="joined")


def _text(row: Any) -> tuple[str, dict[tuple[str, int], Span]]:
    """Title, sentences, empty line, again and again; and where each sentence is."""
    parts: list[str] = []
    spans: dict[tuple[str, int], Span] = {}
    at = 0
    for title, sentences in list_of(row, "context"):
        parts.append(f"{title}\n")
        at += len(title) + 1
        for number, sentence in enumerate(sentences):
            # HotpotQA's sentences begin with their space, 2Wiki's have none.
            gap = " " if number and not sentence.startswith(" ") else ""
            parts += [gap, sentence]
            if sentence.strip():
                start, end = trim(sentence, 0, len(sentence))
                spans[title, number] = (at + len(gap) + start, at + len(gap) + end)
            at += len(gap) + len(sentence)
        parts.append("\n\n")
        at += 2
    return "".join(parts).rstrip(), spans
