"""Pairs for SoLoPO from a policy: it answers short texts, and rules tell right from wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from cprs.l1.dynamic_sampling import Group
from cprs.l1.example import Example
from cprs.l1.pairs import Paired, lengthen, make_pairs
from cprs.l1.sampler import Sampler

SEPARATOR = "\n\n"


def sampled_pairs(
    sampler: Sampler,
    shorts: Sequence[Example],
    longs: Sequence[Example],
    *,
    seed: int,
    at_once: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Paired:
    """A group of outputs to each short example, by the sampler's recipe, and a pair of each that
    has both a right and a wrong one. `at_once` examples are sampled for at a time, 0 for all, and
    `progress` is told how many of how many are done. Raises `OptionError` where short and long ones
    differ."""
    groups: list[Group] = []
    step = at_once or max(len(shorts), 1)
    for start in range(0, len(shorts), step):
        groups += sampler.groups(shorts[start : start + step])
        if progress is not None:
            progress(len(groups), len(shorts))
    return make_pairs(
        shorts,
        longs,
        [[rollout.text for rollout in group.rollouts] for group in groups],
        [[judged.accuracy for judged in group.judged] for group in groups],
        seed=seed,
    )


def lengthened(
    examples: Sequence[Example],
    distractors: Sequence[Example],
    *,
    tokens: int,
    count: Callable[[str], int],
    seed: int,
) -> tuple[list[Example], list[Example]]:
    """The examples, whose contexts hold what they need in documents with a blank line between, as
    the short ones of pairs, and each among documents of the `distractors`, up to so many `tokens`,
    as the long ones. Lengths are counted."""
    documents = list(dict.fromkeys(part for one in distractors for part in _documents(one)))
    shorts = [replace(one, tokens=count(one.context) + count(one.question)) for one in examples]
    longs = [
        lengthen(one, _documents(one), documents, tokens=tokens, count=count, seed=seed)
        for one in examples
    ]
    return shorts, longs


def _documents(example: Example) -> list[str]:
    return [part for part in example.context.split(SEPARATOR) if part.strip()]
