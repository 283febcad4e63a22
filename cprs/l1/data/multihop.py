"""Rows of HotpotQA, 2WikiMultihopQA, MuSiQue and MultiHopRAG: questions over several texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cprs.l1.data.rows import Row
from cprs.l1.example import Example


def titled(parts: list[tuple[str, str]]) -> str:
    """Texts under their titles, one after the other."""
    return "\n\n".join(f"{title}\n{text}".strip() for title, text in parts)


def wiki(row: Row, source: str, *, supporting: bool = False) -> Iterator[Example]:
    """HotpotQA's and 2WikiMultihopQA's: `context` is a list of [title, sentences], or on the hub an
    object of both lists; so are `supporting_facts`, whose titles' texts are the `supporting` ones.
    """
    context = row["context"]
    if isinstance(context, Mapping):
        texts = context.get("sentences") or context["content"]
        pairs = list(zip(context["title"], texts, strict=True))
    else:
        pairs = [(title, sentences) for title, sentences in context]
    if supporting:
        facts = row["supporting_facts"]
        titles = set(
            facts["title"] if isinstance(facts, Mapping) else [title for title, _ in facts]
        )
        pairs = [(title, sentences) for title, sentences in pairs if title in titles]
    text = titled([(title, "".join(_spaced(sentences))) for title, sentences in pairs])
    uid = str(row.get("_id") or row["id"])
    yield Example(uid, row["question"], text, (row["answer"],), source=source)


def musique(row: Row, source: str, *, supporting: bool = False) -> Iterator[Example]:
    """MuSiQue's, or of its paragraphs only the `supporting` ones; questions without an answer in
    the text are none to train on."""
    if row.get("answerable") is False:
        return
    parts = [one for one in row["paragraphs"] if not supporting or one["is_supporting"]]
    text = titled([(part["title"], part["paragraph_text"]) for part in parts])
    answers = dict.fromkeys([row["answer"], *(row.get("answer_aliases") or ())])
    yield Example(str(row["id"]), row["question"], text, tuple(answers), source=source)


def multihoprag(row: Row, source: str, corpus: Mapping[str, str], uid: str) -> Iterator[Example]:
    """MultiHopRAG's, over the whole articles that its evidence is from; `corpus` has them by title.
    Questions without evidence are left out."""
    titles = dict.fromkeys(each["title"] for each in row["evidence_list"])
    found = [(title, corpus[title]) for title in titles]
    if found:
        yield Example(uid, row["query"], titled(found), (row["answer"],), source=source)


def corpus_of(rows: Iterator[Row]) -> dict[str, str]:
    """MultiHopRAG's articles by title."""
    return {row["title"]: row["body"] for row in rows}


def _spaced(sentences: Any) -> Iterator[str]:
    """Sentences, with a space where none ends the one before (HotpotQA has it, 2Wiki not)."""
    last = ""
    for sentence in sentences:
        yield (
            sentence if not last or last[-1].isspace() or sentence[:1].isspace() else f" {sentence}"
        )
        last = sentence
