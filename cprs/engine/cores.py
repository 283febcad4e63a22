"""How many cores there are for this process."""

from __future__ import annotations

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores(*, quota: Path = _QUOTA) -> int:
    """CPU cores this process may use: its affinity and, in a container, its quota."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(allowed or 1, _granted(quota) or allowed or 1))


def _granted(path: Path) -> int | None:
    """Cores granted by a cgroup v2 `cpu.max` file ("200000 100000" is two), or None."""
    try:
        limit, period = path.read_text().split()
        return -(-int(limit) // int(period))
    except (OSError, ValueError):  # no such file, or "max": no quota
        return None
