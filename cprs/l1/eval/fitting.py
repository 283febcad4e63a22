"""Contexts cut to a number of tokens, as the released evaluation cuts them: the middle goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from cprs.errors import OptionError, TextError
from cprs.l1.example import Example
from cprs.l1.prompt import middle_out


class Fit:
    """The context of an example, cut to `tokens` tokens of a tokenizer.json; `cut` are the uids of
    those that were. What stays is as it was, to the character.

    Raises `OptionError` for no tokens, `TextError` for a file that is no tokenizer.
    """

    def __init__(self, tokens: int, tokenizer: Path) -> None:
        if tokens < 1:
            raise OptionError(f"the longest context must be at least 1 token, got {tokens}")
        self._tokenizer = load(tokenizer)
        self._tokens = tokens
        self.cut: set[str] = set()

    def __call__(self, example: Example) -> str:
        """What is left of its context."""
        text = example.context
        places = self._tokenizer.encode(text, add_special_tokens=False).offsets
        if len(places) <= self._tokens:
            return text
        self.cut.add(example.uid)
        head, tail = middle_out(range(len(places)), self._tokens)
        before = places[head[-1]][1] if head else 0
        return text[:before] + text[max(before, places[tail[0]][0]) :]


def load(path: Path) -> Any:
    """The tokenizer of a file. Raises `TextError`."""
    if not path.is_file():
        raise TextError(f"{path}: no such file")
    try:
        tokenizer: Any = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise TextError(f"{path}: no tokenizer: {error}") from error
    tokenizer.no_truncation()
    return tokenizer


def counter(path: Path) -> Callable[[str], int]:
    """How many tokens a text has, without special ones. Raises `TextError`."""
    tokenizer = load(path)
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)
