"""When vLLM may hold a prompt's states for several windows, and what it takes.

vLLM keeps whole blocks of tokens under a hash of them and of all before, in all layers or none. A
prompt that sees only itself (`prefix: frozen`) can be held, a prompt that sees the window cannot.
Blocks of windows are held too, but their states depend on the whole window, so none may ever be
found again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from cprs.critics.vllm.base import Ids
from cprs.errors import OptionError


def padded(prompt: Ids, *, block: int, begin: int, filler: int) -> Ids:
    """A prompt of whole blocks: `filler` tokens before its last marker `begin`.

    >>> padded(np.array([1, 7, 1, 8], np.int32), block=3, begin=1, filler=0).tolist()
    [1, 7, 0, 0, 1, 8]
    """
    missing = -len(prompt) % block
    last = int(np.flatnonzero(prompt == begin)[-1])
    fill = np.full(missing, filler, np.int32)
    return np.concatenate([prompt[:last], fill, prompt[last:]])


def room_in_blocks(room: int, *, block: int) -> int:
    """Tokens that a prompt may have so that it fits into `room` when it is padded.

    Raises `OptionError` where that is none.
    """
    if room < block:
        raise OptionError(
            f"prompts have room for {room} tokens, fewer than a block of vLLM's cache ({block}):"
            " leave prefix_caching out, or give a smaller block_size"
        )
    return room // block * block


def may_read(windows: Sequence[Ids], *, block: int) -> list[bool]:
    """Which of windows that are read together may look for the prompt in the cache: those that
    begin unlike any other, in their first block, and so can find nothing but the prompt."""
    first = [ids[:block].tobytes() for ids in windows]
    count = Counter(first)
    return [len(ids) < block or count[head] == 1 for ids, head in zip(windows, first, strict=True)]
