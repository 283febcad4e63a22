"""Granularity words: the same fact asked for as word, sentence, paragraph and section."""

from __future__ import annotations

from cprs.train.sets.data import Question
from cprs.train.tasks.base import Made, Order, task
from cprs.train.tasks.plant import Draft, Span
from cprs.train.tasks.values import TOWNS, pair, person, sibling, triple

_FACTS = (
    ("The keeper of the {key} is {value}.", "the keeper of the {key}", person),
    ("The {key} was last seen in {value}.", "the town where the {key} was last seen", None),
)
_INSTRUCTIONS = {
    "word": ("Give the exact words only.", "Extract the words that answer, nothing else."),
    "sentence": ("Extract the sentence that answers.", "Keep whole sentences."),
    "paragraph": ("Extract the paragraph that answers.", "Return the full paragraph."),
    "section": ("Extract the section that answers.", "Keep the whole section with its heading."),
}


def _build(order: Order) -> Made:
    """Markdown: headings, paragraphs, and one fact in the middle of a paragraph."""
    rng = order.rng
    key = triple(rng)
    say, ask, make = rng.choice(_FACTS)
    content = make(rng) if make else rng.choice(TOWNS)
    fact = say.format(key=key, value=content)
    hay = order.hay.flow(rng)
    # Headings, empty lines and the fact take the room of some sentences.
    room = order.length - len(fact) - 2
    sections: list[list[list[str]]] = []
    titles: list[str] = []
    while room > 80:
        titles.append(f"## {rng.choice(('On', 'About', 'Of'))} the {pair(rng)}")
        room -= len(titles[-1]) + 2
        section: list[list[str]] = []
        for _ in range(rng.randrange(1, 4)):
            paragraph: list[str] = []
            for _ in range(rng.randrange(2, 5)):
                sentence = next(hay)
                if room > 30:
                    paragraph.append(sentence[: room - 2].rstrip())
                    room -= len(paragraph[-1]) + 1
            if paragraph:
                room -= 1
                section.append(paragraph)
        sections.append(section)
    while room > 20:
        sections[-1][-1].append(next(hay)[: room - 2].rstrip())
        room -= len(sections[-1][-1][-1]) + 1
    chosen = round(order.depth * (len(sections) - 1))
    home = rng.choice(sections[chosen])
    home.insert(rng.randrange(len(home) + 1), fact)
    draft = Draft()
    spans: dict[str, Span] = {}
    for title, section in zip(titles, sections, strict=True):
        begin = draft.add(title)[0]
        for paragraph in section:
            draft.add("\n\n")
            above = draft.length
            for place, sentence in enumerate(paragraph):
                if place:
                    draft.add(" ")
                where = draft.add(sentence)
                if sentence is fact:
                    spans["sentence"] = where
                    at = where[0] + fact.index(content)
                    spans["word"] = at, at + len(content)
            if paragraph is home:
                spans["paragraph"] = above, draft.length
        if any(paragraph is home for paragraph in section):
            spans["section"] = begin, draft.length
        draft.add("\n\n")
    query = f"Who or what is {ask.format(key=key)}?"
    other = f"Who or what is {ask.format(key=sibling(key, rng))}?"
    questions = []
    for level, ways in _INSTRUCTIONS.items():
        questions.append(Question(query, (spans[level],), (content,), level, rng.choice(ways)))
    level = rng.choice(sorted(_INSTRUCTIONS))
    questions.append(Question(other, (), (), level, rng.choice(_INSTRUCTIONS[level])))
    return draft.text(), questions


granularity = task("granularity", _build)
