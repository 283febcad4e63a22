"""What length costs (eq. 7)."""

from __future__ import annotations

from cprs.errors import OptionError


def overlong_penalty(length: int, *, longest: int, buffer: int) -> float:
    """What is added to the reward of an output of `length` tokens (eq. 7).

    0 up to `longest - buffer`, then linearly down to -1 at `longest`, and -1 beyond. No `buffer`
    (0) costs nothing up to `longest`. Raises `OptionError` for a buffer that `longest` does not
    hold.
    """
    if not 0 <= buffer <= longest:
        raise OptionError(f"the overlong buffer must be from 0 to {longest}, got {buffer}")
    if length > longest:
        return -1.0
    free = longest - buffer
    return 0.0 if length <= free else (free - length) / buffer
