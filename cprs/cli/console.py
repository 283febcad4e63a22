"""What the command line says beside its result: on stderr, rich on a terminal, plain elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from cprs.files import Skipped
from cprs.result import Compressed
from cprs.result import Progress as Step

Facts = Sequence[tuple[str, str]]
_STYLES = {"warning": "bold yellow", "skipped": "yellow", "error": "bold red"}
_SHOWN = 5


def say(facts: Facts) -> None:
    """Lines of `name  value`, aligned. Names are coloured on a terminal."""
    if not facts:
        return
    width = max(len(name) for name, _ in facts) + 2
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for name, value in facts:
        line = Text(name.ljust(width), style=_STYLES.get(name, "bold"))
        console.print(line.append(printable(value), style="default not bold"))


def fail(message: str) -> None:
    """One line on stderr: what went wrong."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(
        Text("cprs: error: ", style="bold red").append(printable(message), style="default")
    )


def printable(text: str) -> str:
    """A line of text without anything a terminal would obey or a codec refuse."""
    one_line = " ".join(text.split())
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode()
        for c in one_line
    )


def facts_of(result: Compressed) -> list[tuple[str, str]]:
    """The numbers of a run."""
    rate = result.tokens_in / max(result.seconds, 1e-9)
    facts = [
        ("tokens in", f"{result.tokens_in:,}"),
        ("tokens out", f"{result.tokens_out:,} ({result.ratio:,.1f} times shorter)"),
        ("seconds", f"{result.seconds:.2f} ({rate:,.0f} tokens/s)"),
    ]
    counts = [
        f"{result.kept.get(kind, 0):,} of "
        f"{result.kept.get(kind, 0) + result.dropped.get(kind, 0):,} {kind} units"
        for kind in dict.fromkeys([*result.kept, *result.dropped])
    ]
    if counts:
        facts.append(("kept", ", ".join(counts)))
    if result.windows_read:
        read = f"{result.windows_read:,} of {result.windows:,} windows ({result.effort})"
        facts.append(("read", read))
    facts.append(("critic", result.critic))
    return [*facts, *(("warning", warning) for warning in result.warnings)]


def facts_of_skipped(skipped: Sequence[Skipped]) -> list[tuple[str, str]]:
    """What folders held that was not read: each by name, or counted when there are many."""
    facts = [("skipped", f"{item.name}: {item.reason}") for item in skipped[:_SHOWN]]
    if len(skipped) > _SHOWN:
        facts.append(("skipped", f"and {len(skipped) - _SHOWN:,} more (--json lists them)"))
    return facts


@contextmanager
def progress_bar(*, shown: bool = True) -> Iterator[Callable[[Step], None]]:
    """A callback for `Progress` events: a bar on a terminal, nothing anywhere else."""
    console = Console(stderr=True)
    if not (shown and console.is_terminal):
        yield lambda step: None
        return
    with Progress(
        TextColumn("{task.description:<6}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bar:
        tasks: dict[str, Any] = {}

        def show(step: Step) -> None:
            if step.stage not in tasks:
                tasks[step.stage] = bar.add_task(step.stage, total=step.total)
            bar.update(tasks[step.stage], completed=step.done, total=step.total)

        yield show


def follow(
    steps: Generator[Step | Compressed, None, None], show: Callable[[Step], None]
) -> Compressed:
    """Run a compression to its end. Interrupting it stops the work and leaves nothing behind."""
    try:
        for step in steps:
            if isinstance(step, Compressed):
                return step
            show(step)
    finally:
        steps.close()
    raise AssertionError("a run ends with its result")


def is_terminal() -> bool:
    """Whether someone is looking at stdout."""
    return sys.stdout is not None and sys.stdout.isatty()
