"""How a hybrid's window is shared between prompt and content."""

from __future__ import annotations


def room(window: int) -> int:
    """Tokens of the prompt at most, of `window` tokens: a quarter."""
    return window // 4


def content(window: int) -> int:
    """Tokens of text at most: the rest. Fixed, so that a text's windows are the same whatever is
    asked about it."""
    return window - room(window)
