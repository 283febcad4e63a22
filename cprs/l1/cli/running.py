"""What the commands that train share: how they speak."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from cprs.l1.record import Row


@contextmanager
def telling() -> Iterator[tuple[Callable[[str], None], Callable[[Row], None]]]:
    """`say` and `progress` on stderr: the last step in one line on a terminal, every tenth as a
    line of its own elsewhere."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with console.status("", spinner="line") as status:

        def say(line: str) -> None:
            console.print(line)

        def progress(row: Row) -> None:
            line = step_line(row)
            if console.is_terminal:
                status.update(line)
            elif row.step % 10 == 0:
                console.print(line)

        yield say, progress


def step_line(row: Row) -> str:
    """A step in a line."""
    facts = [f"step {row.step}", row.stage, f"loss {row.loss:.4f}"]
    if row.accuracy is not None:
        facts += [f"accuracy {row.accuracy:.3f}", f"kept {row.kept}", f"rounds {row.rounds}"]
    if row.entropy is not None:
        facts.append(f"entropy {row.entropy:.3f}")
    return "  ".join(facts)
