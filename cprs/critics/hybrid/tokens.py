"""A Qwen2 folder's tokenizer: texts as ids with code point offsets, prompts with their markers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import numpy as np
import regex
from numpy.typing import NDArray
from tokenizers import Tokenizer

from cprs.checkpoint import checkpoint
from cprs.critics.hybrid.kind import read_config
from cprs.errors import WeightsError
from cprs.windows import Encoded

FILE = "tokenizer.json"
BEGIN, END = "<|im_start|>", "<|im_end|>"
"""What a prompt's parts stand between."""
CHUNK = 8192
"""Code points tokenised at once: the library is linear in practice only on short strings."""
BATCH = 64

_SURROGATE = regex.compile("[\ud800-\udfff]")
# In Qwen2's pattern, and GPT-2's, a space behind something visible always begins a token, so a
# cut there changes nothing; a text without any is cut at a line's end or at last anywhere.
_BORDERS = (regex.compile(r"(?r)(?<=\S)(?= )"), regex.compile(r"(?r)(?<=\n)(?=\S)"))
_SPACES = np.array([code for code in range(0x3001) if chr(code).isspace()], np.uint32)


class Tokens:
    """Reads texts without truncation, padding or markers; "<|im_end|>" in a document is text."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True

    @classmethod
    def load(cls, folder: Path) -> Tokens:
        """The tokenizer in `folder`. Raises `WeightsError` where it is missing or broken."""
        path = folder / FILE
        if not path.is_file():
            raise WeightsError(
                f"{path} is missing: a hybrid needs the tokenizer of its base; where there are"
                " vocab.json and merges.txt, transformers' AutoTokenizer saves it"
            )
        try:
            return cls(Tokenizer.from_file(str(path)))
        except Exception as error:  # the library raises plain `Exception`
            raise WeightsError(f"{path}: not a tokenizer: {error}") from error

    def __len__(self) -> int:
        """Ids are below this."""
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    def marker(self, name: str) -> int:
        """The id of a marker. Raises `WeightsError` where the vocabulary has none."""
        found: int | None = self._tokenizer.token_to_id(name)
        if found is None:
            raise WeightsError(f"the tokenizer has no {name}, which a hybrid's prompt is made of")
        return found

    def ids(self, text: str) -> NDArray[np.int32]:
        """A short text's ids."""
        clean = _SURROGATE.sub("\ufffd", text)
        return np.array(self._tokenizer.encode(clean, add_special_tokens=False).ids, np.int32)

    def encode(self, text: str) -> Encoded:
        """Ids of any string with their offsets, without the white space a token begins with."""
        text = _SURROGATE.sub("\ufffd", text)
        ids: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
        offsets: list[NDArray[np.int64]] = [np.zeros((0, 2), np.int64)]
        chunks = _chunks(text)
        while batch := list(islice(chunks, BATCH)):
            checkpoint()
            encodings = self._tokenizer.encode_batch(
                [chunk for _, chunk in batch], add_special_tokens=False
            )
            for (start, _), encoding in zip(batch, encodings, strict=True):
                count = len(encoding)
                ids.append(np.array(encoding.ids, np.int32))
                flat = chain.from_iterable(encoding.offsets)
                pairs = np.fromiter(flat, np.int64, 2 * count).reshape(count, 2)
                offsets.append(pairs + start)
        return Encoded(np.concatenate(ids), _trimmed(text, np.concatenate(offsets)))


def load_tokens(folder: Path) -> Tokens:
    """The tokenizer in `folder`. Raises `WeightsError` where it does not fit the weights."""
    tokens = Tokens.load(folder)
    rows = int(read_config(folder)["vocab_size"])
    if len(tokens) > rows:
        raise WeightsError(f"{folder / FILE} has {len(tokens)} tokens, the weights {rows}")
    for name in (BEGIN, END):
        tokens.marker(name)
    return tokens


def _trimmed(text: str, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """A token " word" begins at its "w", so that it belongs to the sentence of its word; one that
    is nothing but white space stays."""
    space = np.isin(np.frombuffer(text.encode("utf-32-le"), np.uint32), _SPACES)
    # The next visible code point at or behind each.
    places = np.where(space, len(text), np.arange(len(text)))
    visible = np.minimum.accumulate(places[::-1])[::-1]
    start, end = offsets[:, 0], offsets[:, 1]
    first = np.append(visible, len(text))[np.minimum(start, len(text))]
    return np.stack([np.where(first < end, first, start), end], axis=1)


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """The text as (start, chunk)."""
    start = 0
    while len(text) - start > CHUNK:
        chunk = text[start : start + CHUNK]
        found = next((m for border in _BORDERS if (m := border.search(chunk, 1))), None)
        cut = found.start() if found else CHUNK
        yield start, chunk[:cut]
        start += cut
    if start < len(text):
        yield start, text[start:]
