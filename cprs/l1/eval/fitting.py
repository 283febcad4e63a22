"""Contexts cut to a number of tokens, as the released evaluation cuts them: the middle goes."""

from __future__ import annotations

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
        if not tokenizer.is_file():
            raise TextError(f"{tokenizer}: no such file")
        try:
            self._tokenizer: Any = Tokenizer.from_file(str(tokenizer))
        except Exception as error:  # tokenizers raises bare Exception
            raise TextError(f"{tokenizer}: no tokenizer: {error}") from error
        self._tokenizer.no_truncation()
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
