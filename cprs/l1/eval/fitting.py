"""Contexts cut to a number of tokens, as the released evaluation cuts them: the middle goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cprs.errors import OptionError, TextError
from cprs.l1.example import Example
from cprs.l1.prompt import middle_out


class Fit:
    """The context of an example, cut to `tokens` tokens; `cut` are the uids of those that were.

    `tokenizer`: a tokenizer.json, or an encoding of tiktoken such as "o200k_base". Raises
    `OptionError` or `TextError` where it is neither.
    """

    def __init__(self, tokens: int, tokenizer: str) -> None:
        if tokens < 1:
            raise OptionError(f"the longest context must be at least 1 token, got {tokens}")
        self._tokens = tokens
        self._tokenizer = _load(tokenizer)
        self.cut: set[str] = set()

    def __call__(self, example: Example) -> str:
        """What is left of its context."""
        ids = self._tokenizer.encode(example.context)
        if len(ids) <= self._tokens:
            return example.context
        self.cut.add(example.uid)
        return "".join(self._tokenizer.decode(part) for part in middle_out(ids, self._tokens))


class _Fast:
    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Any) -> str:
        return str(self._tokenizer.decode(list(ids)))


class _Tiktoken:
    def __init__(self, encoding: Any) -> None:
        self._encoding = encoding

    def encode(self, text: str) -> list[int]:
        return list(self._encoding.encode_ordinary(text))

    def decode(self, ids: Any) -> str:
        return str(self._encoding.decode(list(ids)))


def _load(name: str) -> _Fast | _Tiktoken:
    if name.endswith(".json"):
        from tokenizers import Tokenizer

        if not Path(name).is_file():
            raise TextError(f"{name}: no such file")
        try:
            tokenizer: Any = Tokenizer.from_file(name)
        except Exception as error:  # tokenizers raises bare Exception
            raise TextError(f"{name}: no tokenizer: {error}") from error
        tokenizer.no_truncation()
        return _Fast(tokenizer)
    import tiktoken

    if name not in tiktoken.list_encoding_names():
        known = ", ".join(tiktoken.list_encoding_names())
        raise OptionError(f"unknown tokenizer {name!r}; known: {known}, or a tokenizer.json")
    try:
        return _Tiktoken(tiktoken.get_encoding(name))
    except OSError as error:  # it is downloaded where it is not there
        raise OptionError(f"tokenizer {name} cannot be had: {error}") from error
