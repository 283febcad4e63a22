"""Source code, cut along its syntax tree."""

from __future__ import annotations

import numpy as np

from cprs.checkpoint import cancellable
from cprs.errors import unknown
from cprs.formats.code_chunks import BLOCK_CHARS
from cprs.formats.code_languages import LANGUAGES, CodeLanguage, evidence
from cprs.formats.code_lines import between_tokens, line_units
from cprs.formats.code_outline import Outline
from cprs.formats.lines import lines
from cprs.formats.passages import cut_long, group, merge
from cprs.formats.syntax import SyntaxTree, Unparsable, load_language
from cprs.units import IntArray, Layout, Units

_GROUP_LINES = 8
_GROUP_CHARS = 400
"""A passage of code is a group of lines up to this size: single lines say too little."""

_SAMPLE_LINES = 400
_LONG_LINE = 300
_QUOTES = '"""'
_COMMENTS = ("#", "//", "/*", "*", "--")


class CodeFormat:
    """One programming language.

    At "function" a unit is a function with its decorators and comments, or, where that is long,
    its signature and blocks of its body that depend on it; a class's head is the parent of its
    members; code between is cut into blocks of statements. At "line" each line is a unit that
    depends on the signature above it. Broken code is cut as far as it can be read.
    """

    granularities = ("function", "line")

    def __init__(self, language: CodeLanguage) -> None:
        self._language = language
        self._evidence = evidence(language)

    @property
    def name(self) -> str:
        """The language's name."""
        return self._language.name

    @property
    def extensions(self) -> tuple[str, ...]:
        """File endings of the language."""
        return self._language.extensions

    def detect(self, sample: str) -> float:
        """The share of lines that look like this language, at most 0.9: code is often mixed."""
        kinds: set[int] = set()
        rows = hits = own = 0
        quoted = False
        for line in sample.splitlines()[:_SAMPLE_LINES]:
            row = line.strip()
            if row.count(_QUOTES) % 2:
                quoted = not quoted
            elif row and not quoted and len(row) < _LONG_LINE:
                number = self._look(row)
                if number is not None:
                    kinds.add(number)
                    hits += 1
                    own += number >= len(self._language.evidence)
                rows += number is not None or not row.startswith(_COMMENTS)
        # One kind of line alone may be prose ("import duties:"), two kinds hardly are.
        if rows < 2 or len(kinds) < 2 or (self._language.own and own * 100 < rows):
            return 0.0
        return min(0.9, 0.1 + 0.05 * len(kinds) + 1.6 * hits / rows) + 0.01 * bool(own)

    def _look(self, row: str) -> int | None:
        """The number of the first kind of evidence that a line is."""
        return next((i for i, each in enumerate(self._evidence) if each.match(row)), None)

    def layout(self, text: str, granularity: str) -> Layout:
        """Units of a source file, or of many files one after another."""
        if granularity not in self.granularities:
            raise unknown("granularity", granularity, self.granularities)
        units = self._units(text, granularity)
        return Layout(
            format=self.name,
            granularity=granularity,
            units=units,
            passages=_passages(text, units),
            finer=self._whole_lines if granularity == "function" else None,
        )

    def _whole_lines(self, text: str) -> IntArray:
        """Lines of a unit; those of one string or comment stay together."""
        try:
            tree = SyntaxTree(text, load_language(self._language.module, self._language.entry))
        except Unparsable:
            return lines(text)
        return between_tokens(lines(text), tree)

    def _units(self, text: str, granularity: str) -> Units:
        try:
            tree = SyntaxTree(text, load_language(self._language.module, self._language.entry))
        except Unparsable:
            if granularity == "line":
                return Units.uniform(lines(text), "line")
            return Units.uniform(group(lines(text), BLOCK_CHARS), "block")
        if granularity == "line":
            return line_units(text, tree, self._language)
        return Outline(text, tree, self._language).build()


def _passages(text: str, units: Units) -> IntArray:
    """Groups of lines. At "function" they nest in the units, at "line" they are runs of them."""
    if "line" in units.kinds:
        fixed = units.bounds[:-1][units.kind == 1]
        return cut_long(text, _grouped(units.bounds, fixed))
    bounds = merge(lines(text), units.bounds)
    return cut_long(text, _grouped(bounds, units.bounds))


def _grouped(bounds: IntArray, fixed: IntArray) -> IntArray:
    """Of `bounds` those that cut it in groups; `fixed` are always among them."""
    forced = np.isin(bounds, fixed).tolist()
    places = bounds.tolist()
    chosen = [0]
    count = 0
    for i in cancellable(range(1, len(places))):
        count += 1
        if i == len(places) - 1 or forced[i] or count == _GROUP_LINES:
            full = True
        else:
            full = places[i + 1] - chosen[-1] > _GROUP_CHARS
        if full:
            chosen.append(places[i])
            count = 0
    return np.array(chosen, np.int64)


CODE = tuple(CodeFormat(language) for language in LANGUAGES)
