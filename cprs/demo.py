"""`make demo`: ask the source of the running Python's standard library.

Real text that is on every machine, about three million tokens of it. By default some 500,000
tokens; `FULL=1` in the environment takes everything, `Q="..."` asks one question more.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cprs import Compressed, Compressor, Progress, StateCache
from cprs.assemble import Span
from cprs.cli.console import follow, progress_bar
from cprs.files import Source, read_file
from cprs.lines import Lines

QUESTIONS = (
    "How does random.sample choose elements without replacement?",
    "What happens to pending futures when a thread pool is shut down?",
    "Which name does a temporary file get, and what if that name is taken?",
)
BUDGET = 600
"""Tokens kept for each question."""
DEFAULT_SIZE = 1_800_000
"""Characters read by default: about 500,000 tokens."""
CACHE = 2 << 30
"""Bytes of memory for what was read: enough for the whole library, so that none is read twice."""

# Well-known modules come first: the built-in questions need some of them, and your own is likely
# to be about one of them. The others fill up by name.
_FIRST = (
    *("random", "concurrent", "tempfile", "json", "http", "logging", "urllib", "threading"),
    *("subprocess", "shutil", "functools", "collections", "pathlib", "socket", "zipfile", "queue"),
    *("datetime", "argparse", "heapq", "csv", "os", "dataclasses", "textwrap", "statistics"),
)
_EVERY = 10.0  # seconds between lines of progress in a log
_LEFT_OUT = frozenset(
    {"site-packages", "dist-packages", "__pycache__", "test", "tests", "idle_test"}
)


def main() -> None:
    """Run the demo and print its tables."""
    full, extra = os.environ.get("FULL", "") not in ("", "0"), os.environ.get("Q", "").strip()
    console = Console(highlight=False)
    root = Path(sysconfig.get_paths()["stdlib"])
    sources = standard_library(root, limit=None if full else DEFAULT_SIZE)
    size = sum(len(source.text) for source in sources)
    console.print(
        f"Python {sys.version.split()[0]}'s standard library: {len(sources):,} files, "
        f"{size:,} characters. {BUDGET} tokens are kept for each question.",
        soft_wrap=True,
    )
    compressor = Compressor(cache=StateCache(max_bytes=CACHE))
    results: list[tuple[str, Compressed]] = []
    for question in (*QUESTIONS, *([extra] if extra else [])):
        console.print()
        console.print(Text(question, style="bold"))
        with _progress(console) as show:
            steps = compressor.iterate(
                [source.text for source in sources],
                query=question,
                budget=BUDGET,
                formats="python",
            )
            result = follow(steps, show)
        for place, text in passages(sources, result.spans):
            console.print(Text(place, style="cyan"))
            console.print(Text(textwrap.indent(text, "    ")), soft_wrap=True)
        results.append((question, result))
    console.print()
    console.print(_table(console, results))
    console.print(_reading(results[0][1]), soft_wrap=True)


def _reading(result: Compressed) -> str:
    """What was read for a question."""
    if result.effort == "fast":
        return (
            f"Each question read {result.windows_read:,} of {result.windows:,} windows: those that "
            "a first look found likeliest. What one has read serves the next."
        )
    return "The first question reads everything; the next ones reuse what was read."


def standard_library(root: Path, *, limit: int | None) -> list[Source]:
    """Python files below `root` without tests; whole modules up to `limit` characters.

    The order and the choice depend on the names alone.
    """
    modules = sorted(
        (path for path in root.iterdir() if path.suffix == ".py" or path.is_dir()),
        key=lambda path: (path.stem not in _FIRST, path.is_dir(), path.name.lower()),
    )
    sources: list[Source] = []
    size = 0
    for module in modules:
        files = [read_file(str(path)) for path in _files(module)]
        size += sum(len(file.text) for file in files)
        if limit is not None and size > limit:
            break
        sources += [
            Source(Path(file.name).relative_to(root).as_posix(), file.text) for file in files
        ]
    return sorted(sources, key=lambda source: source.name)


def _files(module: Path) -> Iterator[Path]:
    if module.is_file():
        yield module
    elif module.name not in _LEFT_OUT and module.name.isidentifier():
        for path in sorted(module.rglob("*.py")):
            if not _LEFT_OUT.intersection(path.relative_to(module).parts):
                yield path


def passages(sources: Sequence[Source], spans: Sequence[Span]) -> Iterator[tuple[str, str]]:
    """Kept spans that touch, together: (`file:line`, text without common indentation)."""
    start = 0
    for i, span in enumerate(spans):
        following = spans[i + 1] if i + 1 < len(spans) else None
        if (
            following is not None
            and following.document == span.document
            and following.start == span.end
        ):
            continue
        source = sources[span.document]
        text = source.text[spans[start].start : span.end]
        body = text.lstrip("\n")
        line = Lines(source.text).of(spans[start].start + len(text) - len(body))
        start = i + 1
        if body.strip():
            yield f"{source.name}:{line}", textwrap.dedent(body).rstrip()


def _table(console: Console, results: Sequence[tuple[str, Compressed]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("question")
    for name in ("tokens in", "tokens out", "seconds", "tokens/s"):
        table.add_column(name, justify="right", no_wrap=True)
    for question, result in results:
        table.add_row(
            Text(question),
            f"{result.tokens_in:,}",
            f"{result.tokens_out:,}",
            f"{result.seconds:.1f}",
            f"{result.tokens_in / result.seconds:,.0f}",
        )
    return table


def _progress(console: Console) -> AbstractContextManager[Callable[[Progress], None]]:
    return progress_bar() if console.is_terminal else _plain_progress(console)


@contextmanager
def _plain_progress(console: Console) -> Iterator[Callable[[Progress], None]]:
    """For logs: a line every few seconds."""
    last = time.monotonic()

    def show(step: Progress) -> None:
        nonlocal last
        if step.stage == "read" and time.monotonic() - last > _EVERY:
            last = time.monotonic()
            console.print(f"  read {step.done:,} of {step.total:,} tokens")

    yield show


if __name__ == "__main__":
    main()
