"""What each family says of its evidence, checked against the text by other means."""

from __future__ import annotations

import json
import re

import pytest

from cprs.train.sets.data import Document, Question
from cprs.train.tasks import TASKS, Haystack
from cprs.train.tasks.instructed import instructed_labels_unseen
from cprs.train.tasks.kinds import KINDS

COUNT, LENGTH = 25, 4_000


def _asked(name: str, **options: object) -> list[tuple[Document, Question, list[str]]]:
    wanted = {"seed": 11, "count": COUNT, "length": LENGTH} | options
    return [
        (document, question, [document.text[a:b] for a, b in question.evidence])
        for document in TASKS[name](**wanted)  # type: ignore[arg-type]
        for question in document.questions
    ]


def _names(text: str) -> list[str]:
    """The made-up names, such as `amber-old-fox`; not parts of UUIDs."""
    return re.findall(r"(?<![\w-])[a-z]{3,}(?:-[a-z]{3,}){1,2}(?![\w-])", text)


@pytest.mark.parametrize(
    "name", ["needle", "needle_multikey", "needle_multivalue", "needle_multiquery"]
)
def test_needles_are_all_that_is_said_of_their_keys(name: str) -> None:
    for document, question, said in _asked(name):
        keys = _names(question.text)
        assert keys
        for key in keys:
            assert document.text.count(key) == sum(key in needle for needle in said)
        if said:
            assert len(said) == len(question.answers)
            assert all("secret" in needle and needle.endswith(".") for needle in said)


def test_multikey_has_look_alikes() -> None:
    alike = 0
    for document, question, said in _asked("needle_multikey"):
        (key,) = _names(question.text)
        head = key.rsplit("-", 1)[0]
        alike += len(re.findall(rf"{head}-[a-z]+", document.text)) - len(said)
    assert alike > COUNT


def test_attributes_name_the_ship_and_the_attribute() -> None:
    negatives = 0
    for document, question, said in _asked("attributes"):
        (ship,) = _names(question.text)
        if said:
            assert ship in said[0]
            assert document.text.count(ship) >= 1
        negatives += not said and ship in document.text
    assert negatives > COUNT


def test_pass_keys_and_digits_are_nowhere_else() -> None:
    for name in ("passkey", "number_string"):
        for document, question, said in _asked(name):
            if said:
                (answer,) = question.answers
                assert answer.isdigit()
                rest = document.text.replace(said[0], "")
                assert not re.search(r"\d{5}", rest)


def test_json_is_json() -> None:
    layouts = set()
    for document, question, said in _asked("json_key_value"):
        text = document.text
        rows: dict[str, str]
        if text.startswith("[") or '"content"' in text:
            whole = text if text.startswith("[") else f"[{','.join(text.splitlines())}]"
            rows = dict(tuple(row.values()) for row in json.loads(whole))
            found = (
                json.loads(said[0])["value" if text.startswith("[") else "content"] if said else 0
            )
        else:
            rows = json.loads(text)
            found = next(iter(json.loads(f"{{{said[0]}}}").values())) if said else 0
        layouts.add(text[:2])
        (key,) = [key for key in rows if key in question.text] or [""]
        assert bool(key) == bool(said)
        if said:
            assert rows[key] == found == question.answers[0]
    assert len(layouts) >= 3


def test_chains_are_whole_and_in_order() -> None:
    """Following the assignments of the text itself gives the evidence."""
    form = re.compile(
        r"^(?:VAR |let |export )?([A-Z]{5}) ?:?= ?(?:VAR |\$)?(\w+);?$|"
        r"^Assign (?:the value of )?(\w+) to ([A-Z]{5})\.$", re.MULTILINE
    )  # fmt: skip
    for document, question, said in _asked("variable_chain"):
        source = {m[1] or m[4]: m[2] or m[3] for m in form.finditer(document.text)}
        line = {m[1] or m[4]: m[0] for m in form.finditer(document.text)}

        def value(name: str, source: dict[str, str] = source) -> str:
            return value(source[name]) if name in source else name

        number = re.search(r"\d{5}", question.text)
        if number:
            whole = [name for name in source if value(name) == number[0]]
            assert [line[name] for name in whole] == said
            assert whole == list(question.answers)
        else:
            (name,) = re.findall(r"\b[A-Z]{5}\b", question.text)
            way = []
            while name in source:
                way.append(line[name])
                name = source[name]
            assert way[::-1] == said


def test_every_line_that_mentions_it() -> None:
    for document, question, said in _asked("line_mentions"):
        (who,) = _names(question.text)
        assert said == [line for line in document.text.split("\n") if who in line]


def test_records_are_whole_lines() -> None:
    for document, question, said in _asked("line_records"):
        (key,) = _names(question.text)
        assert said == [line for line in document.text.split("\n") if key in line]


def test_topics_follow_each_other() -> None:
    for document, question, said in _asked("topic_lines"):
        opens = re.compile(r"User: (?:I would like to talk|Next, let us turn|Now something else).*")
        topics = opens.findall(document.text)
        if "right after" in question.text:
            first = topics.index(said[0])
            assert topics[first + 1] == said[1]
        elif "first" in question.text:
            assert said == topics[:1]
        elif "last" in question.text:
            assert said == topics[-1:]
        elif said:
            assert said[0] in topics


def test_things_are_where_their_bearer_went_last() -> None:
    """A reader who follows the events in order finds the same answer, and last at the evidence."""
    event = re.compile(
        r"(?P<who>[A-Z]\w+) (?:(?:went to|walked into|is in) the (?P<room>[a-z ]+?)(?: now)?"
        r"|(?:picked up|took) the (?P<took>\w+)|(?:left|put down) the (?P<left>\w+)(?: there)?)\."
    )
    for document, question, said in _asked("moved_objects"):
        asked = re.search(r"the (\w+)\?", question.text)
        assert asked
        where: dict[str, str] = {}
        holder: dict[str, str] = {}
        resting: dict[str, str] = {}
        for match in event.finditer(document.text):
            who = match["who"]
            if match["room"]:
                where[who] = match["room"]
            elif match["took"]:
                holder[match["took"]] = who
            elif match["left"]:
                resting[match["left"]] = where[who]
                del holder[match["left"]]
        thing = asked[1]
        if question.text.startswith("Where"):
            place = resting.get(thing) or where.get(holder.get(thing, ""), "")
            assert ([place] if place else []) == list(question.answers)
        else:
            assert all(thing in piece for piece in said)


@pytest.mark.parametrize("own", [False, True])
def test_all_of_a_kind_is_found(own: bool) -> None:
    patterns = {
        "date": r"\d{4}-\d\d-\d\d|\d\d/\d\d/\d{4}|\d+ [A-Z][a-z]+ \d{4}|[A-Z][a-z]+ \d+, \d{4}",
        "email": r"\S+@\S+\.example",
        "url": r"https://\S+",
        "price": r"\$\d+\.\d\d|€\d+\.\d\d|\d+\.\d\d (?:euros|dollars)",
        "phone": r"\+\d\d \d{3} \d{6}",
        "percentage": r"\d+(?:%| percent)",
        "error": r"ERROR .*",
        "assignment": r"VAR .*",
        "todo": r"TODO: .*",
    }
    kind_of = {name: kind.name for kind in KINDS for name in kind.names}
    hay = Haystack(["It cost $5.00 then. ERROR of judgement. They went home at nine. " * 30])
    seen = set()
    for document, question, said in _asked("extract_format", haystack=hay if own else None):
        kind = next(kind_of[n] for n in sorted(kind_of, key=len)[::-1] if n in question.instruction)
        assert question.query == ""
        if kind in patterns:
            seen.add(kind)
            assert said == re.findall(patterns[kind], document.text)
    assert len(seen) > 4


def test_labels_are_told_and_come_with_their_kind() -> None:
    for name in ("extract_labels", "extract_labels_unseen"):
        several = 0
        for _, question, said in _asked(name):
            told = question.guidance().labels
            assert len(told) >= 2
            several += len(set(question.labels)) > 1
            for label, piece in zip(question.labels, said, strict=True):
                sentence = next(s for s in question.instruction.split(". ") if f"'{label}'" in s)
                if "@" in piece and not piece.startswith("http"):
                    assert "mail" in sentence
                if piece.startswith("ERROR"):
                    assert "error" in sentence
        assert several > COUNT // 2


def test_unseen_labels_are_nowhere_else() -> None:
    unseen = {
        label
        for make in (TASKS["extract_labels_unseen"], instructed_labels_unseen)
        for document in make(seed=11, count=60, length=LENGTH)
        for question in document.questions
        for label in question.labels
    }
    others = {
        label
        for name in TASKS
        if name != "extract_labels_unseen"
        for _, q, _ in _asked(name, count=60)
        for label in q.guidance().labels
    }
    assert len(unseen) > 10
    assert not unseen & others


def test_granularities_lie_in_each_other() -> None:
    levels: dict[str, list[tuple[int, int]]] = {}
    for document, question, said in _asked("granularity"):
        if not said:
            continue
        assert question.guidance().granularity == question.level or question.level == "sentence"
        levels.setdefault(question.level, []).append(question.evidence[0])
        if question.level == "section":
            assert said[0].startswith("## ")
            assert said[0].count("## ") == 1
            end = question.evidence[0][1]
            assert document.text[end:].strip()[:3] in ("", "## ")
        if question.level == "paragraph":
            assert "\n" not in said[0]
    for inner, outer in (("word", "sentence"), ("sentence", "paragraph"), ("paragraph", "section")):
        for (a, b), (c, d) in zip(levels[inner], levels[outer], strict=True):
            assert c <= a < b <= d


@pytest.mark.parametrize("own", [False, True])
def test_keywords_and_gaps_are_exact(own: bool) -> None:
    hay = (
        Haystack(["One dog ran. Two dogs ran far away. The old dog slept all day. " * 3])
        if own
        else None
    )
    for _, question, said in _asked("keywords", haystack=hay):
        for piece in said:
            words = {word.lower() for word in re.findall(r"[\w'-]+", piece)}
            listed = re.sub(
                r"Which sentence mentions |Where does the text speak of |\?", "", question.text
            )
            assert {word.lower() for word in listed.split(", ")} <= words
    for document, question, said in _asked("cloze", haystack=hay):
        for piece, answer in zip(said, question.answers, strict=False):
            assert answer in piece
        for piece in said:
            assert any(piece in question.text.replace("____", a) for a in question.answers)
            assert document.text.count(piece) >= 1


def test_absent_names_are_absent() -> None:
    near = 0
    for document, question, said in _asked("absent"):
        assert not said
        for name in _names(question.text):
            assert name not in document.text
            near += name.rsplit("-", 1)[0] in document.text
    assert near > COUNT // 4


def test_notices_are_long_and_whole() -> None:
    long = 0
    for document, question, said in _asked("notices"):
        (name,) = _names(question.text)
        assert document.text.count(name) == len(said)
        long += bool(said) and said[0].count(". ") >= 3
    assert long > COUNT // 3
