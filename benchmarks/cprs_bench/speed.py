"""Throughput of the embedded critic beside torch and LLMLingua-2's architecture, in one run.

    python -m cprs_bench.speed
    python -m cprs_bench.speed --only thorough torch --tokens 20000 --json

All run in this process on the same text, in turn, several rounds; a row is the median. cprs is
measured from text to result, with nothing cached; the others without tokenising and without
choosing what to keep.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from cprs_bench import rivals
from cprs_bench.contenders import Contender, Cprs, Text
from cprs_bench.machine import describe, load
from cprs_bench.rivals import LLMLingua2, MissingExtra, TorchBase

CONTENDERS: dict[str, Callable[[Text, argparse.Namespace], Contender]] = {
    "thorough": lambda text, options: Cprs(text, effort="thorough"),
    "fast": lambda text, options: Cprs(text, effort="fast"),
    "torch": lambda text, options: TorchBase(text, attention="eager"),
    "torch-sdpa": lambda text, options: TorchBase(text, attention="sdpa"),
    "llmlingua2": lambda text, options: LLMLingua2(text, tokens=options.slice),
}
"""What can be measured, by name: a contender is made from the text and the options. The first one
chosen is what the others are compared with."""
DEFAULT = ("thorough", "fast", "torch", "llmlingua2")


@dataclass(frozen=True, slots=True)
class Row:
    """One contender: what it is, and medians over the rounds.

    `tokens`: of the text, by cprs's tokenizer, that a round went through. `padding`: positions
    computed for nothing per position computed. `seconds` and `cpu_seconds` per round, `spread`
    the slowest round over the quickest.
    """

    name: str
    about: str
    tokens: int
    seconds: float
    cpu_seconds: float
    spread: float
    padding: float

    @property
    def speed(self) -> float:
        """Tokens per second."""
        return self.tokens / self.seconds

    @property
    def cpu_speed(self) -> float:
        """Tokens per second of one core."""
        return self.tokens / self.cpu_seconds


def measure(contenders: dict[str, Contender], *, rounds: int) -> list[Row]:
    """Run all in turn, `rounds` times; each once before, unmeasured, on a little of its work."""
    for contender in contenders.values():
        contender.warm_up()
    laps: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for number in range(rounds):
        # Who runs after whom changes, so that nobody always gets the warm machine.
        names = list(contenders)[:: 1 if number % 2 == 0 else -1]
        for name in names:
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            contenders[name].run()
            laps[name].append((time.perf_counter() - wall, time.process_time() - cpu))
            sys.stderr.write(f"round {number + 1}: {name} {laps[name][-1][0]:.1f} s\n")
    return [
        Row(
            name=name,
            about=contender.about,
            tokens=contender.tokens,
            seconds=median(wall for wall, _ in laps[name]),
            cpu_seconds=median(cpu for _, cpu in laps[name]),
            spread=max(laps[name])[0] / min(laps[name])[0],
            padding=contender.padding,
        )
        for name, contender in contenders.items()
    ]


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown, each with how many times as fast the first row is."""
    first = rows[0]
    head = [
        "", "tokens", "seconds", "slowest ÷ quickest", "tokens/s", "tokens per core second",
        "padding", f"{first.name} is faster by", "by core seconds",
    ]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for row in rows:
        cells = [
            f"`{row.name}`: {row.about}", f"{row.tokens:,}", f"{row.seconds:.2f}",
            f"{row.spread:.2f}", f"{row.speed:,.0f}", f"{row.cpu_speed:,.0f}",
            f"{row.padding:.1%}", f"{first.speed / row.speed:.2f}×",
            f"{first.cpu_speed / row.cpu_speed:.2f}×",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m cprs_bench.speed", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--tokens", type=_positive, default=64_000, help="length of the text")
    parser.add_argument("--rounds", type=_positive, default=3, help="how often each is measured")
    parser.add_argument(
        "--slice", type=_positive, default=2048, help="tokens of the text for llmlingua2"
    )
    parser.add_argument("--only", nargs="+", choices=[*CONTENDERS], metavar="NAME",
                        default=[*DEFAULT], help=f"of {', '.join(CONTENDERS)}")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    try:
        rivals.check(options.only)
    except MissingExtra as error:
        parser.exit(2, f"error: {error}\n")

    machine = describe()
    text = Text.of(options.tokens)
    chosen = {name: CONTENDERS[name](text, options) for name in dict.fromkeys(options.only)}
    rows = measure(chosen, rounds=options.rounds)
    machine["load average at the end"] = load()
    sys.stdout.write(_json(machine, text, rows) if options.json else _markdown(machine, text, rows))


def _positive(value: str) -> int:
    number = int(value)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def _markdown(machine: dict[str, str], text: Text, rows: Sequence[Row]) -> str:
    about = "\n".join(f"- {name}: {value}" for name, value in machine.items())
    size = f"Source code, {text.tokens:,} tokens in {len(text.windows):,} windows."
    return "\n\n".join([about, size, table(rows)]) + "\n"


def _json(machine: dict[str, str], text: Text, rows: Sequence[Row]) -> str:
    measured: list[dict[str, Any]] = [
        {
            **asdict(row),
            "tokens_per_second": row.speed,
            "tokens_per_core_second": row.cpu_speed,
            "first_is_faster_by": rows[0].speed / row.speed,
        }
        for row in rows
    ]
    return (
        json.dumps({"machine": machine, "tokens": text.tokens, "rows": measured}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
