"""A question on the last line of a document, where no stop or line break sets it apart."""

from __future__ import annotations

import re

from cprs_server.planning.asking import MARK, sense

REACH = 600
"""Code points before the end within which such a question begins."""
LONG = 700
"""Code points from which on a sentence that ends with a question mark is no question as a whole."""
_ROUGHLY = 300

# What may begin one: a word with a capital, and whatever follows an end of data or of markup.
_BEGINS = re.compile(r"(?<![^\s\]})>\"'”’|:;])[^\W\d_a-zà-öø-ÿ]|(?<=[\]}>])\s*(?=[^\W\d_])")
_LABEL = re.compile(r"(?:question|query|q|task|问题)\s{0,3}[:：]\s{0,3}\Z", re.IGNORECASE)
# Of data or markup, not of a question.
_DATA = re.compile(r"</|[\"\d\]}]\s*[\]}],?")
_ENDS_DATA = re.compile(r"[\]}]\s*\Z")
# Without a question mark only what nobody would take for a part of the document.
_ORDERS = re.compile(
    r"(?:[Pp]lease [a-z]|(?i:tell me|show me|give me|summari[sz]e (?:this|the|it|all)|"
    r"translate (?:this|the|it)|"
    r"(?:find|list|explain|describe|extract|identify|name|count|compare|quote) "
    r"(?:the|all|every|each|any|an?|what|who|how|why|when|where|which))\b)"
)
_FEWEST = 3
"""Words of an order."""


def run_on(text: str, start: int, end: int) -> int:
    """From where on the sentence [start, end) asks; `end` where it does not.

    The earliest place that may be its beginning: rather too much is left uncompressed.

    >>> text = '[{"id": 1}, {"id": 2}] Which id is odd?'
    >>> text[run_on(text, 0, len(text)) :]
    'Which id is odd?'
    """
    marked = MARK.search(text, max(start, end - REACH), end) is not None
    loose = end
    for match in _BEGINS.finditer(text, max(start, end - REACH), end):
        at = match.end() if match[0].isspace() or not match[0] else match.start()
        words = text[at:end]
        if _DATA.search(words):
            continue
        if marked:
            if sense(words).score >= 3:
                label = _LABEL.search(text, max(start, at - 20), at)
                return at if label is None else label.start()
            if loose == end and _ENDS_DATA.search(text, start, at):
                loose = at
        elif _ORDERS.match(words) and len(words.split()) >= _FEWEST and sense(words).score > 1:
            return at
    if loose < end or not marked or end - start <= LONG:
        return loose
    return text.find(" ", end - _ROUGHLY, end) + 1 or end
