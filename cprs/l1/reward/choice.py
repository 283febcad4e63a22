"""Rule reward on choices (eq. 12): the same letter."""

from __future__ import annotations

import re

_LETTER = re.compile(
    r"^\W*(?:option|choice|answer)?\s*[(\[]?\s*([A-Z])\s*(?:[)\].:,]|$)", re.IGNORECASE
)


def letter(text: str) -> str | None:
    """The letter chosen in an answer such as "B", "(b)", "B. Paris" or "Option C"; None where
    there is none, or where another follows it ("A or B", "A, B")."""
    found = _LETTER.match(text.strip())
    if found is None:
        return None
    rest = text.strip()[found.end() :]
    other = re.search(r"(?:\bor\b|\band\b|[,/&])\s*[(\[]?([A-Z])\b(?![\w'’])", found[0][-1] + rest)
    return None if other else found[1].upper()


def choice(answer: str, gold: str) -> bool:
    """Whether both choose the same letter."""
    given = letter(answer)
    return given is not None and given == letter(gold)
