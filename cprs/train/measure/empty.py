"""What a critic keeps of a text that holds no answer, when its own threshold decides."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cprs.compressor import Compressor
from cprs.critics.base import TokenCritic
from cprs.engine.cache import StateCache
from cprs.errors import OptionError
from cprs.train.measure.needles import CACHE, TOKENS
from cprs.train.measure.report import aligned, short_names
from cprs.train.tasks.haystack import Haystack
from cprs.train.tasks.hidden.base import Order

SHOWN = 300
"""Code points of what was kept that are reported."""

QUESTIONS = (
    "When was the Treaty of Ondaverra signed?",
    "What is the boiling point of osmium tetroxide?",
    "How does the garbage collector of the Kelvane runtime decide what to free?",
    "What is the secret number of amber-quick-narwhal?",
    "Which enzyme is inhibited by trelvimab in patients with renal failure?",
    "What is the value of 5f0c2f5e-7a1d-4c39-9a53-0e7c2bb64f11?",
    "Who scored the winning goal in the 1987 Verrant Cup final?",
    "Which lines mention the exception SocketHandshakeTimeoutError?",
    "What discount does the Tarnhelm licence grant to universities?",
    "What did Professor Ignacia Belmondo say about the budget of the second telescope?",
    "How many votes did the Progressive Alliance of Quessania win?",
    "What is the pass key?",
    "What is the maximum payload of the Halcyon IV rocket to low orbit?",
    "Which variables have the value 48213 in the end?",
    "Why did the arbitration tribunal reject Norvik's claim for damages?",
    "Where does the function parse_manifest_header raise a ValueError?",
    "What dose of fenoprazil is given to children under five?",
    "Who composed the opera The Glass Cartographer?",
    "What is the melting temperature of the alloy used in the Orrin bridge?",
    "When does the warranty of the X-440 pump end?",
)
"""About things and people that are made up, or that hardly any text tells of."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One question: tokens in and out, and the beginning of what was kept for nothing."""

    critic: str
    length: int
    question: str
    tokens_in: int
    tokens_out: int
    seconds: float
    text: str

    @property
    def share(self) -> float:
        """Of the text's tokens, those kept."""
        return self.tokens_out / max(1, self.tokens_in)


def keep_of_nothing(
    critics: Sequence[TokenCritic],
    *,
    tokens: Sequence[int] = TOKENS,
    questions: Sequence[str] = QUESTIONS,
    seed: int = 0,
    haystack: Haystack | None = None,
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> list[Kept]:
    """Ask `questions` of texts of the haystack alone, each text read once, without a budget.

    Lengths are in the tokens of the first critic; `options` go to `Compressor.compress`. The text
    must not hold answers: of generated prose that is known, of other text the caller knows.

    Raises `OptionError` for what has no meaning.
    """
    if not critics or not tokens or not questions:
        raise OptionError("name at least one critic, one length and one question")
    hay = haystack or Haystack()
    kept: list[Kept] = []
    for critic in critics:
        for length in tokens:
            order = Order(length, lambda text: len(critics[0].encode(text)), seed=seed)
            order.check(())
            text = _prose(hay, order)
            compressor = Compressor(critic, cache=StateCache(CACHE))
            for question in questions:
                if progress is not None:
                    progress(f"{critic.name} {length} {question}")
                began = time.perf_counter()
                result = compressor.compress(text, query=question, **options)
                kept.append(
                    Kept(
                        critic=critic.name,
                        length=length,
                        question=question,
                        tokens_in=result.tokens_in,
                        tokens_out=result.tokens_out,
                        seconds=time.perf_counter() - began,
                        text=result.text[:SHOWN],
                    )
                )
    return kept


def _prose(hay: Haystack, order: Order) -> str:
    """As much of the haystack as the order wants."""

    def text(size: int) -> str:
        return "".join(hay.take(size, order.draw("prose")))

    return text(order.length(text))


@dataclass(frozen=True, slots=True)
class EmptyReport:
    """All questions of a run."""

    kept: tuple[Kept, ...]

    @property
    def most(self) -> float:
        """The largest mean share of one critic and length."""
        return max(_mean(group) for group in self._groups())

    def text(self, *, verbose: bool = False) -> str:
        """Mean and largest share by critic and length; with `verbose` every question's."""
        short = short_names(list(dict.fromkeys(k.critic for k in self.kept)))
        rows = [["critic", "tokens", "questions", "kept, mean", "kept, most", "seconds"]]
        rows += [
            [
                short[group[0].critic],
                f"{group[0].length:,}",
                str(len(group)),
                f"{_mean(group):.3%}",
                f"{max(k.share for k in group):.3%}",
                f"{sorted(k.seconds for k in group)[len(group) // 2]:.1f}",
            ]
            for group in self._groups()
        ]
        lines = [aligned(rows)]
        if verbose:
            for k in sorted(self.kept, key=lambda k: -k.share):
                head = f"\n{k.critic}, {k.length:,} tokens, {k.share:.3%}: {k.question}"
                lines.append(f"{head}\n  {' '.join(k.text.split())}" if k.text else head)
        return "\n".join(lines)

    def json(self) -> str:
        """Everything, for programs."""
        return json.dumps(
            {
                "most": self.most,
                "shares": [
                    {
                        "critic": group[0].critic,
                        "tokens": group[0].length,
                        "mean": _mean(group),
                        "most": max(k.share for k in group),
                    }
                    for group in self._groups()
                ],
                "questions": [asdict(k) | {"share": k.share} for k in self.kept],
            },
            indent=2,
            ensure_ascii=False,
        )

    def _groups(self) -> list[list[Kept]]:
        groups: dict[tuple[str, int], list[Kept]] = {}
        for k in self.kept:
            groups.setdefault((k.critic, k.length), []).append(k)
        return list(groups.values())


def _mean(kept: Sequence[Kept]) -> float:
    return sum(k.share for k in kept) / len(kept)
