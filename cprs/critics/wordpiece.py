"""WordPiece: text to token ids with code point offsets, in linear time and little memory.

The `tokenizers` library is linear in practice only on short strings and keeps every token as
an object, so a text goes in as chunks and comes out as two arrays. Chunks end where a token must
begin: ids and offsets are those of the whole text.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice

import numpy as np
import regex
from numpy.typing import NDArray
from tokenizers import Tokenizer

from cprs.checkpoint import cancellable
from cprs.critics.alignment import Alignment
from cprs.engine.cores import cores
from cprs.windows import Encoded

CHUNK = 4096
"""Code points per chunk at most. A run of letters longer than this is cut and becomes a token
per chunk."""
BATCH = 64
"""Chunks tokenised at once."""

_SURROGATE = regex.compile("[\ud800-\udfff]")
# What the tokenizer takes for white space; other control characters it drops without a gap.
_SPACE = regex.compile(r"(?r)[\t\n\r\p{Z}]")
# A Han ideograph or ASCII punctuation is always a token of its own, so a cut before it is free.
_BORDER = regex.compile(r"(?r)[!-/:-@\[-`{-~\u3400-\u4dbf\u4e00-\u9fff]")
_GRAPHEME = regex.compile(r"\X")

Chunk = tuple[int, str]
Tokens = tuple[NDArray[np.int32], NDArray[np.int64]]


class WordPiece:
    """A tokenizer file, read without truncation, padding or special tokens."""

    def __init__(self, tokenizer_json: str) -> None:
        self._tokenizer = Tokenizer.from_str(tokenizer_json)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        # "[SEP]" in a document is text, not a separator.
        self._tokenizer.encode_special_tokens = True
        self._alignment = Alignment.of(self._tokenizer, tokenizer_json)
        _stay_quiet_on_fork()

    @functools.cached_property
    def vocabulary(self) -> Sequence[str]:
        """The tokens by id."""
        ids: dict[str, int] = self._tokenizer.get_vocab()
        return sorted(ids, key=ids.__getitem__)

    def id(self, token: str) -> int:
        """The id of a token of the vocabulary."""
        found: int | None = self._tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"the tokenizer has no token {token!r}")
        return int(found)

    def encode(self, text: str) -> Encoded:
        """Tokens of any string: lone surrogates count as U+FFFD, control characters as nothing.

        Long texts are tokenised on all cores; the result is the same on any number of them.
        """
        chunks = _chunks(_SURROGATE.sub("\ufffd", text))
        batches = list(iter(lambda: list(islice(chunks, BATCH)), []))
        if not batches:
            return Encoded(np.zeros(0, np.int32), np.zeros((0, 2), np.int64))
        if len(batches) == 1:
            parts = [self._encode(batches[0])]
        else:
            # While one thread builds arrays, which takes the interpreter, others tokenise.
            with ThreadPoolExecutor(cores(), thread_name_prefix="cprs-cut") as pool:
                try:
                    parts = list(cancellable(pool.map(self._encode, batches), every=1))
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        ids, offsets = zip(*parts, strict=True)
        return Encoded(np.concatenate(ids), np.concatenate(offsets))

    def _encode(self, chunks: Sequence[Chunk]) -> Tokens:
        """Tokens of consecutive chunks."""
        found = self._by_letters(chunks)
        rest = [chunk for chunk in chunks if chunk[0] not in found]
        encodings = self._tokenizer.encode_batch(
            [text for _, text in rest], add_special_tokens=False
        )
        for (start, _), encoding in zip(rest, encodings, strict=True):
            count = len(encoding)
            flat = chain.from_iterable(encoding.offsets)
            pairs = np.fromiter(flat, np.int64, 2 * count).reshape(count, 2)
            found[start] = np.array(encoding.ids, np.int32), pairs + start
        ids, offsets = zip(*(found[start] for start, _ in chunks), strict=True)
        return np.concatenate(ids), np.concatenate(offsets)

    def _by_letters(self, chunks: Sequence[Chunk]) -> dict[int, Tokens]:
        """Tokens, by start, of the chunks whose offsets need no keeping track of."""
        if self._alignment is None:
            return {}
        letters = [(chunk, self._alignment.letters(chunk[1])) for chunk in chunks]
        plain = [(start, text, where) for (start, text), where in letters if where is not None]
        encodings = self._tokenizer.encode_batch_fast(
            [text for _, text, _ in plain], add_special_tokens=False
        )
        found = {}
        for (start, _, where), encoding in zip(plain, encodings, strict=True):
            ids = np.array(encoding.ids, np.int32)
            offsets = self._alignment.offsets(ids, where)
            if offsets is not None:
                found[start] = ids, offsets + start
        return found


def _chunks(text: str) -> Iterator[Chunk]:
    """The text as (start, chunk): cut before white space, else where a token must begin."""
    start = 0
    while len(text) - start > CHUNK:
        chunk = text[start : start + CHUNK]
        cut = _cut(chunk)
        yield start, chunk[:cut]
        start += cut
    if start < len(text):
        yield start, text[start:]


def _cut(chunk: str) -> int:
    """Where to end a full chunk: in (0, len(chunk)]."""
    for border in (_SPACE, _BORDER):
        found = border.search(chunk, 1)
        if found:
            return found.start()
    last = 0
    for grapheme in _GRAPHEME.finditer(chunk, max(len(chunk) - 64, 0)):
        last = grapheme.start()
    return last or len(chunk)


@functools.cache
def _stay_quiet_on_fork() -> None:
    """Keep a forked child from using the parent's tokenizer threads, and from warning of it."""
    variable = "TOKENIZERS_PARALLELISM"
    if not hasattr(os, "register_at_fork") or variable in os.environ:
        return
    mine: list[str] = []

    def before() -> None:
        if variable not in os.environ:
            os.environ[variable] = "false"
            mine.append(variable)

    def after() -> None:
        if mine:
            os.environ.pop(mine.pop(), None)

    os.register_at_fork(before=before, after_in_parent=after)
