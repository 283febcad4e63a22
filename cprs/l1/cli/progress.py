"""How far a run has come, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

LINES = 10
"""Lines to a run where nobody looks at a terminal."""


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """A callback of how many of how many are done: one line that changes on a terminal, some
    lines elsewhere."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with console.status("", spinner="line") as status:

        def show(done: int, all_: int) -> None:
            line = f"{what}: {done:,} of {all_:,}"
            if console.is_terminal:
                status.update(line)
            elif done == all_ or done % max(1, all_ // LINES) == 0:
                console.print(line)

        yield show
