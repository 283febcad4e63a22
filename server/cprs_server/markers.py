"""Markers: where something was left out of a text, what it was can be had by its hash."""

from __future__ import annotations

from cprs_server.store import hash_of

TOOL = "cprs_retrieve"
"""The name of the tool that a marker speaks of."""

MARKER_TOKENS = 60
"""Tokens that a marker takes at most."""


def marker(name: str, *, tool: str = TOOL) -> str:
    """What is said below a text that is not whole. `name`: of `hash_of`.

    >>> marker("0123456789abcdef01234567", tool="get")
    '[Parts of this text were left out. For all of it call get, hash=0123456789abcdef01234567]'
    """
    return f"[Parts of this text were left out. For all of it call {tool}, hash={name}]"


def marked(kept: str, original: str, *, format: str | None = None, tool: str = TOOL) -> str:
    """`kept` with a marker for `original`; as it is where nothing is missing, or where a line of
    prose would break it. The same texts always give the same bytes."""
    if kept == original or format is not None:
        return kept
    return f"{kept.rstrip()}\n{marker(hash_of(original), tool=tool)}\n"
