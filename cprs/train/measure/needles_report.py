"""The table of what was found, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from cprs.train.measure.needles import Outcome
from cprs.train.measure.report import aligned, short_names


@dataclass(frozen=True, slots=True)
class NeedleReport:
    """All questions of a run."""

    outcomes: tuple[Outcome, ...]

    @property
    def least(self) -> float:
        """The share kept where it is smallest: of one critic, task and length."""
        return min(self._share(*cell) for cell in self._cells())

    @property
    def failures(self) -> list[Outcome]:
        """The questions whose evidence was not all kept."""
        return [outcome for outcome in self.outcomes if not outcome.found]

    def text(self, *, verbose: bool = False) -> str:
        """Depths kept of depths asked, by critic, task and length; then the smallest ratio and
        the seconds a question took. `verbose` lists what was missed."""
        lengths = list(dict.fromkeys(o.length for o in self.outcomes))
        rows = [["critic", "task", *(f"{length:,}" for length in lengths)]]
        critics = list(dict.fromkeys(o.critic for o in self.outcomes))
        for critic, short in short_names(critics).items():
            for task in dict.fromkeys(o.task for o in self.outcomes):
                rows.append([short, task, *(self._kept(critic, n, task) for n in lengths)])
            of = [
                [o for o in self.outcomes if (o.critic, o.length) == (critic, n)] for n in lengths
            ]
            rows.append([short, "ratio, least", *(f"{min(o.ratio for o in c):.0f}" for c in of)])
            rows.append([short, "seconds, median", *(f"{_median(c):.1f}" for c in of)])
        lines = [aligned(rows)]
        if verbose:
            lines += [_told(outcome) for outcome in self.failures]
        return "\n".join(lines)

    def json(self) -> str:
        """Everything, for programs."""
        return json.dumps(
            {
                "least": self.least,
                "shares": [
                    {"critic": c, "tokens": n, "task": t, "kept": self._share(c, n, t)}
                    for c, n, t in self._cells()
                ],
                "questions": [
                    asdict(o) | {"found": o.found, "ratio": round(o.ratio, 2)}
                    for o in self.outcomes
                ],
            },
            indent=2,
            ensure_ascii=False,
        )

    def _cells(self) -> list[tuple[str, int, str]]:
        return list(dict.fromkeys((o.critic, o.length, o.task) for o in self.outcomes))

    def _of(self, critic: str, length: int, task: str) -> Sequence[Outcome]:
        wanted = (critic, length, task)
        return [o for o in self.outcomes if (o.critic, o.length, o.task) == wanted]

    def _share(self, critic: str, length: int, task: str) -> float:
        asked = self._of(critic, length, task)
        return sum(o.found for o in asked) / len(asked)

    def _kept(self, critic: str, length: int, task: str) -> str:
        asked = self._of(critic, length, task)
        return f"{sum(o.found for o in asked)}/{len(asked)}"


def _median(outcomes: Sequence[Outcome]) -> float:
    return sorted(o.seconds for o in outcomes)[len(outcomes) // 2]


def _told(outcome: Outcome) -> str:
    missed = "".join(f"\n  missed: {text}" for text in outcome.missed)
    instead = " ".join(outcome.instead.split())
    return (
        f"\n{outcome.critic}, {outcome.length:,} tokens, {outcome.task} at {outcome.depth:.0%}: "
        f"{outcome.kept} of {outcome.spans}\n  asked: {outcome.question}{missed}"
        f"\n  kept: {instead}"
    )
