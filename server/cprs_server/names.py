"""Model names as they are written in many places, brought to one form for the tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TypeVar

T = TypeVar("T")

# us.anthropic.claude-sonnet-4-6-v1:0, ft:gpt-4o-mini:team, claude-sonnet-4@20250514
_VENDORS = "anthropic|amazon|meta|mistral|openai|deepseek|cohere"
_REGION = re.compile(rf"^(?:[a-z]{{2,6}}\.)?(?:{_VENDORS})\.")
_MOST = 256


def family_name(model: str) -> str:
    """The name without vendor, region and fine-tuning: "claude-sonnet-4-6" of
    "us.anthropic.claude-sonnet-4.6". In lower case."""
    name = model[-_MOST:].lower().rsplit("/", 1)[-1].removeprefix("ft:")
    name = _REGION.sub("", name)
    # These have dashes in their versions, which some write as dots.
    return re.sub(r"(?<=\d)\.(?=\d)", "-", name) if "claude" in name else name


def look_up(name: str, table: Iterable[tuple[str, T]]) -> T | None:
    """What the first pattern that matches stands for."""
    for pattern, value in table:
        if fnmatchcase(name, pattern):
            return value
    return None
