"""Instructions of which no word need stand in the text: all things, or all lines, of a kind.

Texts are put together from marked pieces (reports, minutes, lists, tables, logs, programs), so
that all things of all kinds in them are known, and what is not asked for is known not to be.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cprs.train.sets.data import Question
from cprs.train.tasks import journals, programs, scenes, subjects
from cprs.train.tasks.base import Made, Order, task
from cprs.train.tasks.marked import Mark, Marked
from cprs.train.tasks.plant import Draft, Span
from cprs.train.tasks.values import listed, pair
from cprs.train.tasks.wishes import WISHES, ask, ask_around, ask_tagged

Block = tuple[list[Marked], str]
"""Pieces, and what stands between two of them."""

_SURE = frozenset(
    (
        *("email", "url", "phone", "address", "version", "reference", "time", "timestamp"),
        *("error", "warning", "info", "debug", "trace", "import", "constant"),
    )
)
"""Kinds that no text without digits and signs has: the rest is only asked of our own prose."""
_STAMPED = frozenset({"date", "time", "duration"})
"""What a reader may or may not see in a log's time stamps; not asked of texts with these."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A text, its marks, and where each of its pieces lies."""

    text: str
    marks: tuple[Mark, ...]
    pieces: tuple[Span, ...]

    def of(self, kind: str) -> list[Span]:
        """All things of a kind."""
        return [(mark.start, mark.end) for mark in self.marks if mark.kind == kind]

    def around(self, kind: str) -> list[Span]:
        """The pieces that have something of a kind in them."""
        found = self.of(kind)
        return [(a, b) for a, b in self.pieces if any(a <= c and d <= b for c, d in found)]


def _compose(order: Order, block: Callable[[], Block]) -> _Text:
    """Blocks until the text is long enough; what is then left is filled with plain prose."""
    rng = order.rng
    blocks: list[Block] = []
    room = order.length
    for _ in range(10_000):
        pieces, glue = block()
        while pieces and _size(pieces, glue) > room:
            pieces.pop()
        if not pieces:
            break
        blocks.append((pieces, glue))
        room -= _size(pieces, glue)
    if room > 30:
        hay = Marked("".join(order.hay.take(room - 2, rng, plain=True)).strip())
        inner = 1 if order.depth == 0 else len(blocks) - 1 if order.depth == 1 else None
        at = rng.randrange(len(blocks) + 1) if inner is None else max(inner, 0)
        blocks.insert(at, ([hay], ""))
    return _draw(blocks)


def _prose(order: Order) -> Iterator[str]:
    """Sentences of the haystack without end, free of digits and signs."""
    while True:
        for sentence in order.hay.take(4_000, order.rng, plain=True):
            if said := " ".join(sentence.split()):
                yield said


def _size(pieces: Sequence[Marked], glue: str) -> int:
    return sum(len(piece.text) + len(glue) for piece in pieces) + 2


def _draw(blocks: Sequence[Block]) -> _Text:
    draft = Draft()
    marks: list[Mark] = []
    spans: list[Span] = []
    for number, (pieces, glue) in enumerate(blocks):
        if number:
            draft.add("\n\n")
        for place, piece in enumerate(pieces):
            if place:
                draft.add(glue)
            start, end = draft.add(piece.text)
            marks += [mark.moved(start) for mark in piece.marks]
            lead = len(piece.text) - len(piece.text.lstrip())
            spans.append((start + lead, end))
    text = draft.text()
    return _Text(text, tuple(_tight(text, mark) for mark in marks), tuple(spans))


def _tight(text: str, mark: Mark) -> Mark:
    said = text[mark.start : mark.end]
    start = mark.start + len(said) - len(said.lstrip())
    return Mark(mark.kind, start, start + len(said.strip()))


def _report(order: Order) -> _Text:
    """Prose, lists, tables and conversations, more or less full of things."""
    rng = order.rng
    busy = rng.choice((0.1, 0.25, 0.5, 0.8))
    noted = rng.choice((0.0, 0.0, 0.1, 0.25))
    roles = rng.sample(sorted(scenes.ROLES), rng.randrange(1, 4))
    hay = _prose(order)

    def sentence() -> Marked:
        draw = rng.random()
        if draw < noted:
            return scenes.role(rng.choice(roles), rng)
        if draw < noted + busy * (1 - noted):
            return scenes.mention(rng)
        return Marked(next(hay)) if rng.random() < 0.5 else scenes.plain(rng)

    def block() -> Block:
        sort = rng.random()
        count = rng.randrange(2, 9)
        if sort < 0.6:
            return [sentence() for _ in range(count)], rng.choice((" ", " ", " ", "\n"))
        if sort < 0.7:
            return [sentence().after("- ") for _ in range(count)], "\n"
        if sort < 0.8:
            return scenes.spoken(rng, count), "\n"
        if sort < 0.9:
            return scenes.key_values(rng, count), "\n"
        return scenes.table(rng, count), "\n"

    return _compose(order, _ended(order, block, lambda: scenes.mention(rng)))


def _journal(order: Order) -> _Text:
    """A log, at times with some prose above it."""
    rng = order.rng
    how = journals.style(rng)
    rare = rng.choice((0.02, 0.05, 0.15, 0.3))
    second = rng.randrange(10**7)

    def block() -> Block:
        nonlocal second
        if rng.random() < 0.1:
            return [scenes.plain(rng) for _ in range(3)], " "
        made: list[Marked] = []
        for _ in range(rng.randrange(5, 40)):
            second += rng.randrange(1, 60)
            made += journals.lines(rng, how, second, rare=rare)
        return made, "\n"

    def line() -> Marked:
        return journals.lines(rng, how, second, rare=rare)[0]

    return _compose(order, _ended(order, block, line))


def _ended(
    order: Order, block: Callable[[], Block], thing: Callable[[], Marked]
) -> Callable[[], Block]:
    """`block`, except that a text whose evidence is to be at its start begins with a `thing`; one
    whose evidence is to be at its end has one at the end of each block."""
    first = order.depth == 0

    def made() -> Block:
        nonlocal first
        pieces, glue = block()
        if first:
            first = False
            return [thing(), *pieces], glue
        if order.depth == 1:
            # The last block may be cut short anywhere.
            pieces = [each for piece in pieces for each in (piece, thing())]
        return pieces, glue

    return made


def _possible(order: Order, made: _Text) -> list[str]:
    """Kinds that may be asked of a text, there or not."""
    kinds = {mark.kind for mark in made.marks}
    possible = [kind for kind in WISHES if order.hay.generated or kind in _SURE]
    if "timestamp" in kinds:
        possible = [kind for kind in possible if kind not in _STAMPED]
    # One word for both, and only one of them is meant.
    if kinds & {"error", "warning", "info"}:
        return [kind for kind in possible if kind not in ("caution", "complaint", "keyphrase")]
    return [kind for kind in possible if kind not in ("warning", "error", "keyphrase", "complaint")]


def _chosen(order: Order, made: _Text, most: int) -> list[str]:
    """Kinds that are in the text, those at the place where evidence should be first."""
    rng = order.rng
    possible = _possible(order, made)
    there = sorted({mark.kind for mark in made.marks} & set(possible))
    if not there:
        return []
    edge = sorted(made.marks, key=lambda mark: abs(mark.start - order.depth * len(made.text)))
    first = next(mark.kind for mark in edge if mark.kind in there)
    rest = [kind for kind in there if kind != first]
    return [first, *rng.sample(rest, min(most - 1, len(rest)))]


def _missing(order: Order, made: _Text) -> list[str]:
    there = {mark.kind for mark in made.marks}
    return [kind for kind in _possible(order, made) if kind not in there]


def _question(made: _Text, instruction: str, spans: Sequence[Span], level: str) -> Question:
    answers = dict.fromkeys(made.text[a:b] for a, b in spans) if level == "span" else ()
    return Question(instruction, tuple(spans), tuple(answers), level, instruction)


def _kinds(order: Order) -> Made:
    """A text of any sort; up to four kinds asked for, and one that is not there."""
    rng = order.rng
    made = (_report, _report, _journal)[rng.randrange(3)](order)
    questions = []
    for kind in [*_chosen(order, made, 4), *rng.sample(_missing(order, made), 1)]:
        wish = WISHES[kind]
        if not wish.whole and rng.random() < 0.3:
            asked = ask_around(wish, rng)
            questions.append(_question(made, asked, made.around(kind), "sentence"))
        else:
            level = "line" if wish.whole else "span"
            questions.append(_question(made, ask(wish, rng), made.of(kind), level))
    questions += _of_service(made, rng)
    return made.text, questions


_OF_SERVICE = (
    "Extract the {what} of the {service} service.",
    "Which {what} come from {service}?",
    "{service} {what}",
    "Keep all {what} that {service} wrote.",
)


def _of_service(made: _Text, rng: random.Random) -> list[Question]:
    """Errors, warnings or any lines of one service of a log."""
    kinds = sorted({mark.kind for mark in made.marks if "/" in mark.kind})
    questions = []
    for kind in rng.sample(kinds, min(2, len(kinds))):
        level, service = kind.split("/")
        what = "lines" if level == "any" else rng.choice(WISHES[level].many[:2])
        asked = rng.choice(_OF_SERVICE).format(what=what, service=service)
        questions.append(_question(made, asked, made.of(kind), "line"))
    return questions


def _labelled(order: Order, *, unseen: bool) -> Made:
    """Three times two to five kinds asked for at once, each with a label; one of them may not be
    there.

    Labels name the kind, or are a made-up word that only the instruction explains; or they are
    given beside an instruction that has none.
    """
    made = _report(order) if order.rng.random() < 0.8 else _journal(order)
    there = _chosen(order, made, 99)
    absent = _missing(order, made)
    questions: dict[str, Question] = {}
    for number in range(3):
        # The first is to ask for what lies at the place where evidence should be.
        whole = WISHES[there[0]].whole if there and not number else order.rng.random() < 0.25
        first = [kind for kind in there[:1] if not number]
        more = [kind for kind in there[len(first) :] if WISHES[kind].whole is whole]
        more = order.rng.sample(more, min(len(more), order.rng.randrange(1, 5)))
        asked = [*first, *more]
        if "trace" in asked and "error" in asked:  # one is part of the other
            asked.remove("trace")
        others = [kind for kind in absent if WISHES[kind].whole is whole]
        if others and (len(asked) < 2 or order.rng.random() < 0.3):
            asked.append(order.rng.choice(others))
        if len(asked) > 1:
            question = _tagged(order, made, asked, unseen)
            questions[question.text] = question
    if not questions:
        mentioned = [kind for kind in absent if not WISHES[kind].whole]
        question = _tagged(order, made, order.rng.sample(mentioned, 2), unseen)
        questions[question.text] = question
    return made.text, list(questions.values())


def _tagged(order: Order, made: _Text, asked: list[str], unseen: bool) -> Question:
    """One question that asks for some kinds, each with a label."""
    rng = order.rng
    rng.shuffle(asked)
    names: dict[str, str] = {}
    if not unseen and rng.random() < 0.2:
        # The words alone say what a label means.
        names = {WISHES[kind].labels[0]: kind for kind in asked}
        head = rng.choice(("Extract ", "Find all ", "List the ", "Keep "))
        parts = [rng.choice(WISHES[kind].many) for kind in asked]
        instruction = f"{head}{listed(parts)}."
    else:
        for kind in asked:
            wish = WISHES[kind]
            free = [each for each in (wish.unseen if unseen else wish.labels) if each not in names]
            usual = bool(free) and rng.random() < 0.85
            names[rng.choice(free) if usual else _made_up(rng, unseen, names)] = kind
        instruction = " ".join(
            ask_tagged(WISHES[kind], label, rng) for label, kind in names.items()
        )
    found = [(span, label) for label, kind in names.items() for span in made.of(kind)]
    return Question(
        instruction,
        tuple(span for span, _ in found),
        level="line" if WISHES[asked[0]].whole else "span",
        instruction=instruction,
        labels=tuple(label for _, label in found),
    )


def _made_up(rng: random.Random, unseen: bool, taken: dict[str, str]) -> str:
    """A word that says nothing. The two halves of the alphabet never meet: one is for training
    alone."""
    while True:
        label = pair(rng).split("-")[1]
        if (label[0] > "m") is unseen and label not in taken:
            return label


_FUNCTION = (
    "Extract the function that {ask} the {noun}.",
    "Find the function that {ask} a {noun}.",
    "function that {ask} {noun}s",
    "Keep only the method which {ask} the {noun}.",
    "Where is the code that {ask} the {noun}?",
    "Show me the definition of the function that {ask} the {noun}.",
)
_FUNCTIONS = (
    "Extract every function that {ask} something.",
    "function that {ask}",
    "Find all functions that {ask} anything.",
    "Keep the functions which {ask} something, drop the others.",
)


def _functions(order: Order) -> Made:
    """A file of functions; some are asked for by what they do, one that is not there."""
    rng = order.rng
    language = rng.choice(programs.LANGUAGES)
    nouns = rng.sample(programs.NOUNS, rng.randrange(4, 12))
    deeds = rng.sample(programs.DEEDS, rng.randrange(5, 12))
    left = [(deed, noun) for deed in deeds for noun in nouns]
    rng.shuffle(left)

    def block() -> Block:
        if rng.random() < 0.12:
            make = rng.choice((programs.imported, programs.constant, programs.todo))
            return [make(rng, language) for _ in range(rng.randrange(1, 4))], "\n"
        deed, noun = left.pop() if left else (rng.choice(deeds), rng.choice(nouns))
        return [programs.function(rng, deed, noun, language)], "\n"

    made = _compose(order, block)
    deeds_there, pairs_there = programs.asked(list(made.marks))
    questions = []
    by_kind = {deed.kind: deed for deed in programs.DEEDS}
    near = sorted(made.marks, key=lambda mark: abs(mark.start - order.depth * len(made.text)))
    first = next((m.kind[5:] for m in near if m.kind.startswith("does ") and "/" in m.kind), "")
    pairs = [(kind, noun) for kind, noun in sorted(pairs_there) if f"{kind}/{noun}" != first]
    asked = [tuple(first.split("/"))] * bool(first) + rng.sample(pairs, min(2, len(pairs)))
    for kind, noun in asked:
        wanted = rng.choice(_FUNCTION).format(ask=rng.choice(by_kind[kind].ask), noun=noun)
        questions.append(_question(made, wanted, made.of(f"does {kind}/{noun}"), "function"))
    for kind in rng.sample(sorted(deeds_there), min(2, len(deeds_there))):
        wanted = rng.choice(_FUNCTIONS).format(ask=rng.choice(by_kind[kind].ask))
        questions.append(_question(made, wanted, made.of(f"does {kind}"), "function"))
    others = [deed for deed in programs.DEEDS if deed.kind not in deeds_there]
    if others:
        deed = rng.choice(others)
        wanted = rng.choice(_FUNCTION).format(ask=rng.choice(deed.ask), noun=rng.choice(nouns))
        questions.append(_question(made, wanted, (), "function"))
    for kind in ("import", "constant", "action"):
        if rng.random() < 0.4:
            questions.append(_question(made, ask(WISHES[kind], rng), made.of(kind), "line"))
    return made.text, questions


_ABOUT = (
    "Extract the keywords about {subject}.",
    "List all technical terms of {subject}.",
    "key phrases on {subject}",
    "Which terms have to do with {subject}?",
)


def _terms(order: Order) -> Made:
    """Articles on one or two subjects amid prose on nothing; their terms are asked for."""
    rng = order.rng
    chosen = rng.sample(sorted(subjects.SUBJECTS), rng.randrange(1, 3))
    hay = _prose(order)
    marks_of: dict[str, str] = {}
    for subject in chosen:
        marks_of |= dict.fromkeys(subjects.SUBJECTS[subject], subject)

    def block() -> Block:
        if rng.random() < 0.3:
            return [Marked(next(hay)) for _ in range(rng.randrange(1, 4))], " "
        return subjects.article(rng, rng.choice(chosen), rng.randrange(3, 8)), " "

    end = _ended(order, block, lambda: subjects.article(rng, chosen[0], 1)[0])
    made = _compose(order, end)
    wish = WISHES["keyphrase"]
    spans = made.of("keyphrase")
    questions = [
        _question(made, ask(wish, rng), spans, "span"),
        _question(made, ask_around(wish, rng), made.around("keyphrase"), "sentence"),
    ]
    for subject in chosen:
        own = [(a, b) for a, b in spans if marks_of.get(made.text[a:b].lower()) == subject]
        own = own or [(a, b) for a, b in spans if made.text[a:b] in subjects.SUBJECTS[subject]]
        asked = rng.choice(_ABOUT).format(subject=subject)
        questions.append(_question(made, asked, own, "span"))
    other = rng.choice([subject for subject in subjects.SUBJECTS if subject not in chosen])
    questions.append(_question(made, rng.choice(_ABOUT).format(subject=other), (), "span"))
    return made.text, questions


instructed_kinds = task("instructed_kinds", _kinds, context="whole")
instructed_labels = task(
    "instructed_labels", lambda order: _labelled(order, unseen=False), context="whole"
)
instructed_labels_unseen = task(
    "instructed_labels_unseen", lambda order: _labelled(order, unseen=True), context="whole"
)
instructed_functions = task("instructed_functions", _functions, context="whole")
instructed_terms = task("instructed_terms", _terms, context="whole")
