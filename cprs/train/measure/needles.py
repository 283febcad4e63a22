"""Whether a critic finds what is hidden: every task, depth and length, through the compressor.

Each question is asked on its own, at a budget of tokens ÷ ratio. It counts as kept when every
span of its evidence is in the output from end to end. A text is read once: further questions about
it, and texts that share most of it, find its states in the cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cprs.compressor import Compressor
from cprs.critics.base import TokenCritic
from cprs.engine.cache import MIB, StateCache
from cprs.errors import BudgetError, OptionError
from cprs.result import Compressed
from cprs.train.sets.data import Question
from cprs.train.tasks.haystack import Haystack
from cprs.train.tasks.hidden import Hidden, Order, Sheet, sheets

TOKENS = (8_000, 128_000, 512_000, 2_000_000)
SHOWN = 400
"""Code points of an output that missed something."""
CACHE = 900 * MIB
"""Room for the states of 2M tokens and for what changes from sheet to sheet."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question: `kept` of its `spans` were in the output.

    `length`: the tokens ordered; `tokens_in`, `tokens_out`: those counted by the critic.
    `missed`: the evidence that was not kept, and `instead` what was, in the text's words.
    """

    critic: str
    length: int
    task: str
    depth: float
    question: str
    spans: int
    kept: int
    missed: tuple[str, ...]
    instead: str
    tokens_in: int
    tokens_out: int
    seconds: float

    @property
    def found(self) -> bool:
        """Whether all of the evidence was kept."""
        return self.kept == self.spans

    @property
    def ratio(self) -> float:
        """Tokens in ÷ tokens out."""
        return self.tokens_in / max(1, self.tokens_out)


def find_needles(
    critics: Sequence[TokenCritic],
    *,
    tokens: Sequence[int] = TOKENS,
    ratio: float = 100.0,
    depths: int = 11,
    seed: int = 0,
    haystack: Haystack | None = None,
    tasks: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> list[Outcome]:
    """Hide and ask: all `tasks` (`HIDDEN_TASKS` by default) at `depths` depths of each length.

    Lengths are in the tokens of the first critic, so that all critics see the same texts.
    `options` go to `Compressor.compress` (`hops`, `effort`). One critic works at a time and one
    text is in memory at a time.

    Raises `OptionError` for what has no meaning, and for a budget that no needle fits.
    """
    if not critics or not tokens:
        raise OptionError("name at least one critic and one length")
    outcomes: list[Outcome] = []
    for critic in critics:
        for length in tokens:
            order = Order(
                tokens=length,
                count=lambda text: len(critics[0].encode(text)),
                ratio=ratio,
                depths=depths,
                seed=seed,
                tasks=tasks,
                haystack=haystack or Haystack(),
            )
            cache = StateCache(CACHE)
            compressor = Compressor(critic, cache=cache)
            kind = ""
            for sheet in sheets(order):
                if sheet.kind != kind:
                    cache.clear()
                    kind = sheet.kind
                for hidden in sheet.hidden:
                    if progress is not None:
                        progress(f"{critic.name} {length} {hidden.task} at {hidden.depth:.0%}")
                    outcomes.append(_ask(compressor, order, sheet, hidden, options))
    return outcomes


def _ask(
    compressor: Compressor, order: Order, sheet: Sheet, hidden: Hidden, options: dict[str, Any]
) -> Outcome:
    question = hidden.question
    began = time.perf_counter()
    try:
        result: Compressed | None = compressor.compress(
            sheet.text, query=question.text, ratio=order.ratio, **options
        )
    except BudgetError:
        # Not even the best unit fits: nothing is kept, which is an answer too.
        result = None
    kept = [False] * len(question.evidence) if result is None else covered(question, result)
    return Outcome(
        critic=compressor.critic.name,
        length=order.tokens,
        task=hidden.task,
        depth=hidden.depth,
        question=question.text,
        spans=len(question.evidence),
        kept=sum(kept),
        missed=tuple(
            sheet.text[start:end]
            for (start, end), held in zip(question.evidence, kept, strict=True)
            if not held
        ),
        instead="" if result is None or all(kept) else result.text[:SHOWN],
        tokens_in=order.tokens if result is None else result.tokens_in,
        tokens_out=0 if result is None else result.tokens_out,
        seconds=time.perf_counter() - began,
    )


def covered(question: Question, result: Compressed) -> list[bool]:
    """For each span of the evidence, whether every code point of it was kept."""
    whole: list[list[int]] = []
    for span in sorted(result.spans, key=lambda span: span.start):
        if whole and span.start <= whole[-1][1]:
            whole[-1][1] = max(whole[-1][1], span.end)
        else:
            whole.append([span.start, span.end])
    return [any(a <= start and end <= b for a, b in whole) for start, end in question.evidence]
