"""Qasper: questions about papers on language processing.

An object of `paper: {"title", "abstract", "full_text": [{"section_name", "paragraphs"}],
"figures_and_tables": [{"caption"}], "qas": [{"question", "answers": [{"answer": {"unanswerable",
"extractive_spans", "yes_no", "free_form_answer", "evidence", "highlighted_evidence"}}]}]}`.
https://allenai.org/data/qasper
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cprs.train.convert.entries import read_entries
from cprs.train.convert.fields import Note, Span, entry, list_of, text_of, trim, united
from cprs.train.sets.data import Document, Question

_FIGURE = "FLOAT SELECTED:"


def convert_qasper(path: Path, *, note: Note) -> Iterator[Document]:
    """A document for each paper: title, abstract, sections, captions.

    Evidence: the sentences that any reader highlighted, else the paragraphs they named. Without
    evidence where all readers found no answer; left out, and noted, where what they named is not
    in the text.
    """
    for name, paper in read_entries(path):
        questions: list[Question] = []
        with entry(path, name):
            text = _text(paper)
            for row in list_of(paper, "qas"):
                question = text_of(row, "question").strip()
                given = [reader["answer"] for reader in list_of(row, "answers")]
                found = [a for a in given if not a.get("unanswerable")]
                spans = united(span for answer in found for span in _evidence(answer, text))
                if (found and not spans) or not given:
                    why = "its evidence is not in the text" if given else "no reader answered it"
                    note(f"entry {name}: left out: {question!r}: {why}")
                    continue
                answers = tuple(dict.fromkeys(a for answer in found for a in _answers(answer)))
                questions.append(Question(question, spans, answers, "sentence"))
        yield Document(
            id=name,
            source="qasper",
            text=text,
            questions=tuple(questions),
            domain="papers",
            context="alone",
        )


def _text(paper: Any) -> str:
    parts = [text_of(paper, "title"), text_of(paper, "abstract")]
    for section in list_of(paper, "full_text"):
        # A section may have no name, and a name may be empty.
        parts += [f"## {section['section_name']}"] if section.get("section_name") else []
        parts += [str(paragraph) for paragraph in list_of(section, "paragraphs")]
    parts += [str(float_["caption"]) for float_ in paper.get("figures_and_tables") or ()]
    return "\n\n".join(part.strip() for part in parts if part.strip())


def _evidence(answer: Any, text: str) -> Iterator[Span]:
    """Where its sentences are; where one is not to be found, the paragraph that has it."""
    sentences = [str(s) for s in answer.get("highlighted_evidence") or ()]
    spans = [span for s in sentences if (span := _find(s, text))]
    if len(spans) < len(sentences) or not spans:
        spans = [span for p in answer.get("evidence") or () if (span := _find(str(p), text))]
    yield from spans


def _find(piece: str, text: str) -> Span | None:
    wanted = piece.replace(_FIGURE, "").strip()
    start = text.find(wanted) if wanted else -1
    return None if start < 0 else trim(text, start, start + len(wanted))


def _answers(answer: Any) -> Iterator[str]:
    if answer.get("extractive_spans"):
        yield from (str(span) for span in answer["extractive_spans"])
    elif answer.get("free_form_answer"):
        yield str(answer["free_form_answer"])
    elif answer.get("yes_no") is not None:
        yield "Yes" if answer["yes_no"] else "No"
