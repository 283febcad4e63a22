"""Summaries as Markdown and as JSON, the paper's figures beside them, labelled as quoted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from cprs.l1.eval.quoted import QUOTED, SETS, TITLES, average
from cprs.l1.eval.summary import METRICS, Mean, SetScore, Summary, difference

_HEADS = {
    "score": "max(rule, judge)",
    "em": "EM",
    "f1": "F1",
    "cover": "cover-EM",
    "published": "released rule",
    "judge": "judge",
}


def markdown(summaries: Sequence[Summary], *, rule: str, quoted: bool = True) -> str:
    """A table for each run, the paired difference of each to the first, and the paper's table.
    All figures in percent; in brackets the 95 % interval."""
    parts = [_run(summary) for summary in summaries]
    first = summaries[0]
    for other in summaries[1:]:
        found = difference(first, other)
        if found is not None:
            parts.append(
                f"{other.name} - {first.name}, paired over examples: {_mean(found, sign=True)}"
            )
    parts.append(
        f"Rule: {rule}. What failed, was cut off or could not be read counts as wrong. Brackets:"
        " 95 % intervals (Wilson's, or by bootstrap over examples)."
    )
    if quoted:
        parts.append(_quoted(summaries))
    return "\n\n".join(parts)


def as_json(summaries: Sequence[Summary], *, rule: str) -> str:
    """All of it, one object, figures from 0 to 1; the paper's in percent."""
    value = {
        "rule": rule,
        "runs": [asdict(summary) for summary in summaries],
        "difference": [
            None if (found := difference(summaries[0], other)) is None else asdict(found)
            for other in summaries[1:]
        ],
        "quoted": {"source": "arXiv 2505.17667, table 4", "sets": SETS, "models": dict(QUOTED)},
    }
    return json.dumps(value, ensure_ascii=False)


def _run(summary: Summary) -> str:
    metrics = [name for name in METRICS if any(name in one.means for one in summary.sets)]
    ks = sorted({k for one in summary.sets for k in one.passes if k in (2, 4, 8, 16)})
    heads = ["set", "n", *(_HEADS[name] for name in metrics), *(f"pass@{k}" for k in ks)]
    heads += ["failed", "unread", "cut", "unjudged", "prompt tokens"]
    lines = [f"### {summary.name}", "", _row(heads), _row(["---"] + ["---:"] * (len(heads) - 1))]
    for one in summary.sets:
        lines.append(_row(_cells(one, metrics, ks)))
    blank = [""] * (len(heads) - 3)
    lines.append(_row(["mean of sets", "", _mean(summary.average), *blank]))
    return "\n".join(lines)


def _cells(one: SetScore, metrics: Sequence[str], ks: Sequence[int]) -> list[str]:
    n = f"{one.examples}" + (f" × {one.samples / one.examples:g}" if len(one.passes) > 1 else "")
    tokens = "" if one.tokens_in is None else f"{one.tokens_in:,.0f}"
    counts = [one.failed, one.unparsed, one.cut, one.unjudged]
    return [
        TITLES.get(one.name, one.name),
        n,
        *(_mean(one.means[name]) if name in one.means else "" for name in metrics),
        *(_mean(one.passes[k]) if k in one.passes else "" for k in ks),
        *(str(count) for count in counts),
        tokens,
    ]


def _quoted(summaries: Sequence[Summary]) -> str:
    heads = ["model", *(TITLES[name] for name in SETS), "mean"]
    lines = [
        "### Beside the paper's figures",
        "",
        "Quoted from arXiv 2505.17667, table 4: max(rule, judge) with a judge, rule and samples of"
        " their own. Rows in bold were measured in this run.",
        "",
        _row(heads),
        _row(["---"] + ["---:"] * (len(heads) - 1)),
    ]
    for summary in summaries:
        by_name = {one.name: one for one in summary.sets}
        cells = [
            f"{100 * by_name[name].means['score'].value:.1f}" if name in by_name else "-"
            for name in SETS
        ]
        # A mean over some of the sets is no mean to put beside theirs.
        whole = all(name in by_name for name in SETS)
        own = [100 * by_name[name].means["score"].value for name in SETS if name in by_name]
        cells.append(f"{sum(own) / len(SETS):.1f}" if whole else "-")
        lines.append(_row([f"**{summary.name}**", *cells]))
    for model, figures in QUOTED.items():
        cells = [f"{figure:.1f}" for figure in (*figures, average(figures))]
        lines.append(_row([f"{model} (quoted)", *cells]))
    return "\n".join(lines)


def _mean(mean: Mean, *, sign: bool = False) -> str:
    form = "+.1f" if sign else ".1f"
    return f"{100 * mean.value:{form}} [{100 * mean.low:{form}}, {100 * mean.high:{form}}]"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
