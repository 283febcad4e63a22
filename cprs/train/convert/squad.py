"""SQuAD 1.1 and 2.0, and CUAD, which is built like them.

`{"data": [{"title", "paragraphs": [{"context", "qas": [{"id", "question", "is_impossible",
"answers": [{"text", "answer_start"}]}]}]}]}`: an entry is an article or a contract, a document one
of its contexts. https://rajpurkar.github.io/SQuAD-explorer, https://www.atticusprojectai.org/cuad
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cprs.train.convert.entries import read_entries
from cprs.train.convert.fields import Note, Sentences, Span, entry, list_of, text_of, united
from cprs.train.sets.data import Document, Question


def convert_squad(path: Path, *, note: Note) -> Iterator[Document]:
    """A document for each paragraph. Evidence: the sentences that hold any marked answer."""
    return _convert(path, note, name="squad", domain="wikipedia", widen=True)


def convert_cuad(path: Path, *, note: Note) -> Iterator[Document]:
    """A document for each contract. Evidence: all clauses marked, as they are marked."""
    return _convert(path, note, name="cuad", domain="contracts", widen=False)


def _convert(path: Path, note: Note, *, name: str, domain: str, widen: bool) -> Iterator[Document]:
    for number, article in read_entries(path, key="data"):
        made: list[Document] = []
        with entry(path, number):
            for place, paragraph in enumerate(list_of(article, "paragraphs")):
                text = text_of(paragraph, "context")
                sentences = Sentences(text) if widen else None
                asked = []
                for row in list_of(paragraph, "qas"):
                    evidence = _evidence(row, text, sentences)
                    if evidence is None:
                        note(f"entry {number}: question {row.get('id')}: its answer is not there")
                        continue
                    answers = dict.fromkeys(a["text"] for a in row["answers"]) if evidence else ()
                    level = "span->sentence" if widen else "clause"
                    question = text_of(row, "question").strip()
                    asked.append(Question(question, evidence, tuple(answers), level))
                made.append(
                    Document(
                        id=f"{number}-{place}",
                        source=name,
                        text=text,
                        questions=tuple(asked),
                        domain=domain,
                        # "This contract" names nothing outside it.
                        context="joined" if widen else "alone",
                    )
                )
        yield from made


def _evidence(row: Any, text: str, sentences: Sentences | None) -> tuple[Span, ...] | None:
    """Spans of all answers; none for a question that has no answer; None for a wrong offset."""
    if row.get("is_impossible"):
        return ()
    spans: list[Span] = []
    for answer in list_of(row, "answers"):
        said, start = text_of(answer, "text"), int(answer["answer_start"])
        end = start + len(said)
        if not said.strip() or start < 0 or text[start:end] != said:
            return None
        spans.append(sentences.around(start, end) if sentences else (start, end))
    if not spans and "is_impossible" not in row:
        # Version 1 has an answer to everything, so none given is none known.
        return None
    return united(spans)
