"""What was found as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Parts = Mapping[str, Mapping[str, Any]]


def markdown(whole: Mapping[str, Any]) -> str:
    """A page: the machine, what was aimed at, throughput, short requests, the ceiling,
    correctness, agreement, what did not come to its end."""
    parts: Parts = whole["parts"]
    blocks = ["# Hybrid critic on a GPU"]
    if whole["tiny"]:
        blocks.append("**A rehearsal of the code: its figures mean nothing.**")
    for title, lines in (
        ("Machine", _machine(parts)),
        ("Goals", _goals(parts)),
        ("Throughput", _throughput(parts)),
        ("Short requests", _requests(parts)),
        ("Ceiling", _ceiling(parts)),
        ("Correctness", _correctness(parts)),
        ("Agreement", _agreement(parts)),
        ("Not whole", _broken(parts)),
    ):
        found = list(lines)
        if found:
            blocks.append(f"## {title}\n\n" + "\n".join(found))
    for one in _found(parts, "kernels"):
        blocks.append("## Kernels\n\n" + one["markdown"].strip())
    return "\n\n".join(blocks) + "\n"


def _found(parts: Parts, name: str) -> Sequence[Mapping[str, Any]]:
    return parts[name]["found"] if name in parts else []


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    lines = [[_cell(value) for value in row] for row in rows]
    if lines:
        yield "| " + " | ".join(columns) + " |"
        yield "|" + "---|" * len(columns)
        for line in lines:
            yield "| " + " | ".join(line) + " |"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _machine(parts: Parts) -> Iterator[str]:
    for about in _found(parts, "machine"):
        yield from _table(("what", "which"), about.items())


def _runs(parts: Parts) -> dict[tuple[str, str, str], list[Mapping[str, Any]]]:
    """Measured lengths by shape, way and precision."""
    runs: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for name in parts:
        words = name.partition(",")[0].split()
        if len(words) == 3:
            key = words[0], words[1], words[2]
            runs.setdefault(key, []).extend(r for r in _found(parts, name) if "tokens" in r)
    return runs


def _throughput(parts: Parts) -> Iterator[str]:
    yield from _table(
        ("shape", "way", "precision", "tokens", "seconds", "tokens / s", "TFLOP/s needed",
         "of the ceiling", "peak GiB", ""),
        (
            (
                *key,
                run["tokens"],
                run["seconds"],
                run["tokens_per_second"],
                run["needed_tflops"],
                _share(run["needed_tflops"], _peak(parts, key[2])),
                run["peak_gib"],
                run["said"],
            )
            for key, runs in _runs(parts).items()
            for run in runs
        ),
    )  # fmt: skip


def _peak(parts: Parts, precision: str) -> float | None:
    speeds = [
        one["tflops"] for one in _found(parts, "ceiling") if one.get("precision") == precision
    ]
    return max(speeds, default=None)


def _share(value: float | None, of: float | None) -> str:
    return f"{100 * value / of:.0f} %" if value is not None and of else ""


def _goals(parts: Parts) -> Iterator[str]:
    """The aims that were set for one H200, beside what was found."""
    runs = _runs(parts)

    def speed(shape: str, way: str, precision: str) -> float | None:
        found = [run["tokens_per_second"] for run in runs.get((shape, way, precision), [])]
        return max(found, default=None)

    def seconds(shape: str, precision: str) -> float | None:
        """For 2,097,152 tokens, measured; for a little more, in proportion."""
        found = [run for run in runs.get((shape, "ours", precision), []) if run["wanted"] >= 2**21]
        return found[0]["seconds"] * 2**21 / found[0]["tokens"] if found else None

    bf16 = [run["needed_tflops"] for run in runs.get(("7b", "ours", "bf16"), [])]
    heads = {
        shape: one["share"]
        for shape in ("7b", "0.6b")
        for one in _found(parts, f"{shape} ours bf16")
        if "share" in one
    }
    ours7, fp7 = speed("7b", "ours", "bf16"), speed("7b", "ours", "fp8")
    ours06 = speed("0.6b", "ours", "bf16")
    rows: list[tuple[str, str, str]] = [
        (
            "7B bf16, of the bf16 ceiling",
            _share(max(bf16, default=None), _peak(parts, "bf16")),
            "65 %",
        ),
        ("7B bf16 ÷ published loop", _times(ours7, speed("7b", "published", "bf16")), "1.5"),
        ("7B fp8 ÷ published loop", _times(fp7, speed("7b", "published", "bf16")), "2.2"),
        ("7B bf16 ÷ torch.compile", _times(ours7, speed("7b", "compiled", "bf16")), "1.05"),
        ("0.6B bf16 ÷ torch.compile", _times(ours06, speed("0.6b", "compiled", "bf16")), "1.15"),
        ("7B bf16, 2M tokens, seconds", _seconds(seconds("7b", "bf16")), "60"),
        ("7B fp8, 2M tokens, seconds", _seconds(seconds("7b", "fp8")), "38"),
        ("0.6B bf16, 2M tokens, seconds", _seconds(seconds("0.6b", "bf16")), "8"),
        *(
            (f"{shape}: heads' share of the time", f"{100 * share:.2f} %", "1 %")
            for shape, share in heads.items()
        ),
    ]
    yield from _table(("what", "found", "goal"), ((a, b or "not measured", c) for a, b, c in rows))


def _times(one: float | None, other: float | None) -> str:
    return f"{one / other:.2f}" if one and other else ""


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _ceiling(parts: Parts) -> Iterator[str]:
    yield from _table(
        ("what", "precision", "TFLOP/s", "TB/s"),
        (
            (
                one["what"],
                one.get("precision", ""),
                one.get("tflops", ""),
                one.get("tb_per_second", ""),
            )
            for one in _found(parts, "ceiling")
        ),
    )


def _requests(parts: Parts) -> Iterator[str]:
    yield from _table(
        ("what", "way", "tokens each", "milliseconds", "requests / s"),
        (
            (
                one["what"],
                one["way"],
                one["request_tokens"],
                one.get("milliseconds", ""),
                one.get("requests_per_second", ""),
            )
            for one in _found(parts, "requests")
        ),
    )


def _correctness(parts: Parts) -> Iterator[str]:
    yield from _table(
        ("kernel", "implementation", "type", "of what it may differ", "", "worst at"),
        (
            (
                one["kernel"],
                one["implementation"],
                one["precision"],
                f"{100 * one['of_the_bound']:.0f} %",
                "ok" if one["ok"] else "**WRONG**",
                one["worst"],
            )
            for one in _found(parts, "correctness")
            if "ok" in one
        ),
    )


def _agreement(parts: Parts) -> Iterator[str]:
    for one in _found(parts, "agreement"):
        values = ", ".join(f"{k} {_cell(v)}" for k, v in one.items() if k != "what")
        yield f"- {one['what']}: {values}"


def _broken(parts: Parts) -> Iterator[str]:
    for name, one in parts.items():
        if one["ended"] != "whole":
            yield f"- {name}: {one['ended']}"
            if one.get("said"):
                yield "\n```\n" + one["said"] + "\n```\n"
