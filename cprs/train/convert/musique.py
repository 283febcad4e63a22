"""MuSiQue: questions of two to four hops over twenty paragraphs.

JSON lines of `{"id", "question", "answer", "answer_aliases", "answerable", "paragraphs": [{"idx",
"title", "paragraph_text", "is_supporting"}], "question_decomposition": [{"question", "answer",
"paragraph_support_idx"}]}`. https://github.com/StonyBrookNLP/musique
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cprs.train.convert.entries import read_entries
from cprs.train.convert.fields import Note, Span, entry, list_of, text_of, trim
from cprs.train.sets.data import Document, Question


def convert_musique(path: Path, *, note: Note) -> Iterator[Document]:
    """A document for each question: all its paragraphs. Evidence: the supporting ones, whole.

    Unanswerable questions are left out, and noted: their texts still hold part of the evidence,
    so they are neither questions with evidence nor without.
    """
    for number, row in read_entries(path):
        with entry(path, number):
            identifier = str(row.get("id", number))
            parts: list[str] = []
            evidence: list[Span] = []
            at = 0
            for paragraph in list_of(row, "paragraphs"):
                head = text_of(paragraph, "title") + "\n"
                body = text_of(paragraph, "paragraph_text")
                if paragraph.get("is_supporting") and body.strip():
                    start, end = trim(body, 0, len(body))
                    evidence.append((at + len(head) + start, at + len(head) + end))
                parts += [head, body, "\n\n"]
                at += len(head) + len(body) + 2
            answers = [text_of(row, "answer"), *(str(a) for a in row.get("answer_aliases") or ())]
            question = Question(
                text_of(row, "question").strip(),
                tuple(evidence),
                tuple(dict.fromkeys(answers)),
                "paragraph",
            )
        if not row.get("answerable", True):
            note(f"entry {number}: left out: {identifier} is unanswerable")
            continue
        if not evidence:
            note(f"entry {number}: left out: no paragraph of {identifier} is supporting")
            continue
        yield Document(
            id=identifier,
            source="musique",
            text="".join(parts).rstrip(),
            questions=(question,),
            domain="wikipedia",
            context="joined",
        )
