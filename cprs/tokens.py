"""Counting tokens the way the model that reads the result will.

Nothing here opens a socket: a tokenizer is used when its file is on this machine, and otherwise
the count is an estimate that errs high, and says so.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cprs.checkpoint import cancellable
from cprs.errors import OptionError
from cprs.estimate import estimate

__all__ = ["TokenCounter", "counter_for", "estimate"]

STEP = 1 << 18
"""Code points that are counted at once."""

_BORDER = re.compile(r"(?<=[^\W\d_]) (?=[^\W\d_])")
_ENCODINGS_URL = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """Counts tokens of a text. `exact` is False for an estimate, which errs high."""

    name: str
    count: Callable[[str], int]
    exact: bool = True


def counter_for(model: str) -> TokenCounter:
    """The counter for a model's name, or for a `tokenizer.json` (or a folder holding one).

    OpenAI models are counted by tiktoken, others by the `tokenizer.json` in the Hugging Face
    cache, when the file is on this machine; else the count is an `estimate`.

    Raises `OptionError` for a path that holds no readable tokenizer.
    """
    if not model.strip():
        raise OptionError("target model is empty: give a model's name or a tokenizer.json")
    path = Path(model)
    if path.suffix == ".json" or path.is_dir():
        return _tokenizers(path / "tokenizer.json" if path.is_dir() else path)
    return (
        _tiktoken(model)
        or _cached_on_disk(model)
        or TokenCounter(name=model, count=estimate, exact=False)
    )


def _tokenizers(path: Path) -> TokenCounter:
    from tokenizers import Tokenizer

    try:
        tokenizer: Any = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise OptionError(f"cannot read tokenizer {path}: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return TokenCounter(
        name=str(path),
        count=lambda text: len(tokenizer.encode(_readable(text), add_special_tokens=False).ids),
    )


def _cached_on_disk(model: str) -> TokenCounter | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(model, "tokenizer.json")
    except HFValidationError:
        return None
    return _tokenizers(Path(found)) if isinstance(found, str) else None


def _tiktoken(model: str) -> TokenCounter | None:
    import tiktoken

    try:
        name = tiktoken.encoding_name_for_model(model)
    except KeyError:
        name = model if model in tiktoken.list_encoding_names() else ""
    if not name or not _on_disk(name):
        return None
    encoding = tiktoken.get_encoding(name)
    return TokenCounter(
        name=name,
        count=lambda text: sum(
            len(encoding.encode_ordinary(_readable(part)))
            for part in cancellable(_parts(text), every=1)
        ),
    )


def _parts(text: str) -> Iterator[str]:
    """A text in parts that have as many tokens together: all of the encodings begin one at a space
    between two letters."""
    start = 0
    while border := _BORDER.search(text, start + STEP):
        yield text[start : border.start()]
        start = border.start()
    yield text[start:]


def _on_disk(encoding: str) -> bool:
    """Whether tiktoken finds the encoding in its cache, where it would otherwise download it."""
    folder = os.environ.get("TIKTOKEN_CACHE_DIR") or os.environ.get("DATA_GYM_CACHE_DIR")
    url = _ENCODINGS_URL.format("o200k_base" if encoding == "o200k_harmony" else encoding)
    cache = Path(folder) if folder else Path(tempfile.gettempdir()) / "data-gym-cache"
    return (cache / hashlib.sha1(url.encode()).hexdigest()).is_file()


def _readable(text: str) -> str:
    """Lone surrogates have no UTF-8: count them as the replacement character."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text
