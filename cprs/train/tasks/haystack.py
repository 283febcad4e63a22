"""The text around what is asked for: prose from a small grammar, or any folder of text."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise
from pathlib import Path

import regex

from cprs.errors import OptionError
from cprs.formats import segment
from cprs.train.sets.data import read_text
from cprs.train.tasks.prose import sentences

_ENDINGS = (".txt", ".md", ".rst", ".txt.gz")
# What a made-up date, price, address or assignment could be mistaken for.
_SPECIAL = regex.compile(r"[\d@$€£`=]|://|www\.|error|warning|failed", regex.IGNORECASE)


class Haystack:
    """Sentences, each with the white space after it, that joined make a text.

    Without `texts` it is generated prose: no names of people, no digits, nothing in quotes.
    """

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self._sentences = [piece for text in texts for piece in _pieces(text)]
        self._plain = [s for s in self._sentences if not _SPECIAL.search(s)]
        if texts and not self._sentences:
            raise OptionError("the haystack holds no text")

    @classmethod
    def read(cls, path: Path) -> Haystack:
        """A file or a folder of text (.txt, .md, .rst, .txt.gz; all below it, in name order).

        Raises `OptionError` where there is none, `TextError` for a file that cannot be read.
        """
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.name.endswith(_ENDINGS) and p.is_file())
        else:
            files = [path]
        if not files:
            raise OptionError(f"{path}: no text for a haystack here ({', '.join(_ENDINGS)})")
        texts = [read_text(file) for file in files]
        if not any(text.strip() for text in texts):
            raise OptionError(f"{path}: the haystack holds no text")
        return cls(texts)

    @property
    def generated(self) -> bool:
        """Whether it is prose from the grammar, of which all is known."""
        return not self._sentences

    def take(self, room: int, rng: random.Random, *, plain: bool = False) -> list[str]:
        """Sentences of `room` code points together, the last cut short to fit.

        A haystack of text is read on from a random sentence, round and round. With `plain`,
        sentences with digits and signs are left out, so that what is planted is all there is.
        """
        taken: list[str] = []
        left = room
        for sentence in self._endless(rng, plain):
            if left <= len(sentence):
                if cut := _shorten(sentence, left):
                    taken.append(cut)
                return taken
            taken.append(sentence)
            left -= len(sentence)
        return taken

    def flow(self, rng: random.Random) -> Iterator[str]:
        """Sentences without end, white space inside them single and none around them."""
        return (" ".join(sentence.split()) for sentence in self._endless(rng, plain=False))

    def _endless(self, rng: random.Random, plain: bool) -> Iterator[str]:
        if self.generated:
            yield from sentences(rng)
            return
        pool = self._plain if plain else self._sentences
        if not pool:
            raise OptionError("the haystack has no sentence free of digits and signs")
        start = rng.randrange(len(pool))
        yield from chain(islice(pool, start, None), islice(pool, start))
        while True:
            yield from pool


def _pieces(text: str) -> Iterator[str]:
    bounds = segment(text, format="text", granularity="sentence").passages.tolist()
    for start, end in pairwise(bounds):
        piece = text[start:end]
        if piece.strip():
            last = end == len(text)
            yield piece.rstrip() + "\n\n" if last else piece if piece[-1].isspace() else piece + " "


def _shorten(sentence: str, room: int) -> str:
    """The first words of it, a full stop after them; empty where there is no room for any."""
    if room < 12:
        return ""
    if room >= len(sentence):
        return sentence
    head = sentence[: room - 2].rstrip()
    cut = head.rfind(" ")
    head = head[:cut] if cut > room // 2 else head
    return head.rstrip(" ,;:.-") + ".\n"
