"""Files that appear whole or not at all: written beside their place, then renamed into it."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from typing import IO


def stage(path: str, fill: Callable[[IO[bytes]], object]) -> str:
    """Let `fill` write a file in the folder of `path`; returns its name, for `os.replace`.

    It has the permissions that `path` has, or would have. Raises `OSError`, and whatever `fill`
    raises; nothing stays behind then.
    """
    folder, name = os.path.split(path)
    descriptor, temporary = tempfile.mkstemp(".part", f".{name[:100]}.", folder or ".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            fill(file)
        os.chmod(temporary, _mode(path))
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def _mode(path: str) -> int:
    """The permissions a plain `open(path, "w")` would have left."""
    if os.path.exists(path):
        return stat.S_IMODE(os.stat(path).st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
