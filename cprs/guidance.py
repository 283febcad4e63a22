"""Guidance: natural language into what the reader is looking for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from cprs.errors import OptionError, unknown

_QUOTED = r"""['"“”‘’`«「]([^'"“”‘’`»」\n]{1,60})['"“”‘’`»」]"""
_VERB = regex.compile(
    r"\b(?:tag|mark|label)(?:s|ged|ging|led|ling|ed|ing)?\b|标记|标注", regex.IGNORECASE
)
# What is tagged, without quotes and full stops (an apostrophe in a word is neither), and as what.
_LABEL = regex.compile(
    r"(?:[^.\n'\"“‘`«「’]|(?<=\w)['’](?=\w)){0,120}?"
    rf"(?:\b(?:with|as|by)\b|为|成)\s*(?:the\s+)?(?:label|tag)?\s*{_QUOTED}",
    regex.IGNORECASE,
)
# Several words for one level, as people write them; the first in the instruction decides.
_GRANULARITY = {
    "keyphrase": r"key[\s-]?(?:phrase|word|term)s?|phrases?|entit(?:y|ies)|关键词|短语",
    "word": r"words?|词语",
    "sentence": r"sentences?|句子",
    "line": r"lines?|行",
    "paragraph": r"paragraphs?|段落",
    "section": r"sections?|chapters?|章节",
    "record": r"records?|json (?:objects?|items?)",
    "row": r"(?:table |csv )?rows?",
    "function": r"functions?|methods?",
    "entry": r"(?:log )?entr(?:y|ies)",
    "turn": r"turns?|utterances?",
}
_LEVEL = regex.compile(
    "|".join(
        rf"(?P<{level}>(?<![\w'])(?:{words})(?![\w']))"
        if words.isascii()
        else rf"(?P<{level}>(?<![a-z'])(?:{words})(?![a-z']))"
        for level, words in _GRANULARITY.items()
    ),
    regex.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Guidance:
    """What to keep: an instruction, a query, the labels of spans, the granularity of units.

    `granularity` is None where neither the caller nor the instruction's words name one; the
    text's format then decides. `inferred` says that it came from the words, not the caller.
    """

    instruction: str = ""
    query: str = ""
    labels: tuple[str, ...] = ()
    granularity: str | None = None
    inferred: bool = False

    @classmethod
    def parse(
        cls,
        instruction: str | None = None,
        query: str | None = None,
        *,
        labels: Sequence[str] | None = None,
        granularity: str | None = None,
    ) -> Guidance:
        """Read a control prompt in the words of QwenLong-CPRS (arXiv 2505.18092, §2.1).

        Labels are the quoted words of "tag ... with '...', ... with '...'"; the granularity is the
        first level the instruction mentions. What the caller gives wins over what the words say.

        >>> Guidance.parse("Extract every error line. Tag them with 'error'.").labels
        ('error',)
        >>> Guidance.parse("Extract every error line.").granularity
        'line'

        Raises `OptionError` when there is neither instruction nor query, or when `labels` names
        one that the instruction does not define.
        """
        instruction, query = (instruction or "").strip(), (query or "").strip()
        if not instruction and not query:
            raise OptionError("nothing to look for: give a query, an instruction, or both")
        defined = tuple(dict.fromkeys(label for label, _ in _labels(instruction)))
        chosen = tuple(dict.fromkeys(labels or ()))
        for label in chosen:
            if not label.strip():
                raise OptionError("a label is empty: give a word, such as 'fact'")
            if defined and label not in defined:
                raise unknown("label", label, defined)
        level = _LEVEL.search(instruction) if granularity is None else None
        return cls(
            instruction=instruction,
            query=query,
            labels=chosen or defined,
            granularity=level.lastgroup if level else granularity,
            inferred=level is not None,
        )

    @property
    def meanings(self) -> tuple[str, ...]:
        """The words that define each label, the label included: of the instruction, what stands
        between the label before it and this one; the label alone where it is not defined there.

        >>> Guidance.parse("Tag dates with 'when', people with 'who'.").meanings
        ("Tag dates with 'when'", "people with 'who'")
        """
        found: dict[str, list[str]] = {}
        for label, words in _labels(self.instruction):
            found.setdefault(label, []).append(words)
        return tuple("\n".join(found.get(label, [label])) for label in self.labels)

    @property
    def question(self) -> str:
        """The words that say what is looked for: the query, or the instruction without one."""
        return self.query or self.instruction


def _labels(instruction: str) -> Iterator[tuple[str, str]]:
    """The labels an instruction defines, in order, each with the words since the one before: a
    verb may be followed by several."""
    at = since = 0
    while verb := _VERB.search(instruction, at):
        at = verb.end()
        while named := _LABEL.match(instruction, at):
            yield named[1].strip(), instruction[since : named.end()].strip(" \n.,;")
            at = since = named.end()
