"""Instructions over marked texts: all of a kind is found, and nothing that is not."""

from __future__ import annotations

import random
import re

import pytest

from cprs.train.sets.data import Document, Question
from cprs.train.tasks import TASKS
from cprs.train.tasks.instructed import instructed_labels_unseen
from cprs.train.tasks.marked import fill
from cprs.train.tasks.programs import DEEDS
from cprs.train.tasks.subjects import SUBJECTS
from cprs.train.tasks.wishes import WISHES

PATTERNS = {
    "email": r"[\w.]+@[\w.]+\w",
    "url": r"https?://[\w./?=-]*[\w/]",
    "address": r"(?<![\d.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d.])",
    "percent": r"\b(?:[\d.]+|[a-z]+) ?(?:%|per cent\b|percent\b)",
}


def _asked(name: str, count: int = 20, length: int = 4_000) -> list[tuple[Document, Question]]:
    made = TASKS[name](seed=3, count=count, length=length)
    return [(document, question) for document in made for question in document.questions]


def _said(document: Document, question: Question) -> list[str]:
    return [document.text[a:b] for a, b in question.evidence]


def _kinds(instruction: str) -> set[str]:
    """The kinds whose longest name an instruction has."""
    names = {name: kind for kind, wish in WISHES.items() for name in (*wish.one, *wish.many)}
    found = [name for name in names if re.search(rf"\b{re.escape(name)}\b", instruction)]
    longest = max(map(len, found), default=0)
    return {names[name] for name in found if len(name) == longest}


def test_what_has_a_form_is_found_by_it() -> None:
    seen: set[str] = set()
    for document, question in _asked("instructed_kinds", count=60):
        (*_, kind) = sorted(_kinds(question.instruction) & set(PATTERNS)) or [""]
        if question.level == "span" and kind:
            seen.add(kind)
            said = _said(document, question)
            assert said == re.findall(PATTERNS[kind], document.text), question.instruction
    assert seen == set(PATTERNS)


def test_sentences_around_are_whole() -> None:
    seen = 0
    for document, question in _asked("instructed_kinds"):
        if question.level == "sentence":
            for start, end in question.evidence:
                seen += 1
                assert start == 0 or document.text[start - 1].isspace()
                assert end == len(document.text) or document.text[end].isspace()
    assert seen > 20


def test_error_lines_are_all_lines_that_say_so() -> None:
    level = re.compile(r"\b(?:ERROR|FATAL|CRITICAL|Error|error|E|KeyError)\b")
    seen = 0
    for document, question in _asked("instructed_kinds", count=60):
        said = _said(document, question)
        asked_for_all = "error" in _kinds(question.instruction) and question.level == "line"
        if asked_for_all and not re.search(r"service|wrote|come from", question.instruction):
            for line in said:
                seen += 1
                assert level.search(line) or "Traceback" in line or line.startswith("File ")
    assert seen > 20


def test_functions_do_what_they_are_asked_for() -> None:
    verbs = {ask: deed for deed in DEEDS for ask in deed.ask}
    seen = 0
    for document, question in _asked("instructed_functions"):
        if question.level != "function":
            continue
        deeds = [d for ask, d in verbs.items() if re.search(rf"\b{ask}\b", question.instruction)]
        for code in _said(document, question):
            seen += 1
            first = next(line for line in code.split("\n") if "(" in line).lower()
            assert any(
                name.replace("_", "") in first.replace("_", "")
                for deed in deeds for name in deed.names
            )  # fmt: skip
    assert seen > 60


def test_terms_belong_to_the_subject() -> None:
    of = {term: subject for subject, terms in SUBJECTS.items() for term in terms}
    vain = 0
    for document, question in _asked("instructed_terms"):
        subject = next((s for s in SUBJECTS if question.instruction.rstrip(".?").endswith(s)), "")
        said = _said(document, question)
        vain += bool(subject) and not said
        if question.level == "span":
            assert all(term.lower() in {t.lower() for t in of} for term in said)
        if subject:
            own = {term.lower() for term in SUBJECTS[subject]}
            assert all(term.lower() in own for term in said)
    assert vain > 10


def test_labels_are_those_of_their_kind() -> None:
    """What looks like an address carries the label that addresses were given."""
    checked = 0
    for document, question in _asked("instructed_labels"):
        told = question.guidance().labels
        for (start, end), label in zip(question.evidence, question.labels, strict=True):
            assert label in told
            if "'" + label + "'" in question.instruction and "@" in document.text[start:end]:
                sentence = next(
                    s for s in re.split(r"(?<=\.) ", question.instruction) if f"'{label}'" in s
                )
                checked += 1
                assert "mail" in sentence
    assert checked > 5


@pytest.mark.parametrize("kind", WISHES)
def test_labels_to_measure_with_are_kept_out_of_training(kind: str) -> None:
    trained = {label.lower() for wish in WISHES.values() for label in wish.labels}
    assert not trained & {label.lower() for label in WISHES[kind].unseen}


def test_unseen_labels_come_from_another_half_of_the_alphabet() -> None:
    trained = {label for _, q in _asked("instructed_labels", count=40) for label in q.labels}
    made = instructed_labels_unseen(seed=3, count=40, length=4_000)
    unseen = {label for d in made for q in d.questions for label in q.labels}
    assert len(unseen) > 20
    assert not trained & unseen


def test_slots_are_marked_and_words_are_not() -> None:
    made = fill(
        "{a} and {b} and {a}", random.Random(1), {"a": ("x", lambda rng: "Ann")}, {"b": ("bee",)}
    )
    assert made.text == "Ann and bee and Ann"
    assert [(mark.kind, made.text[mark.start : mark.end]) for mark in made.marks] == [
        ("x", "Ann"),
        ("x", "Ann"),
    ]
