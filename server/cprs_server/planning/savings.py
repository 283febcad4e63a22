"""What a compression saves on this request, beside what breaking a cached prefix costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cprs_server.planning.base import Target
from cprs_server.wire.base import Conversation

CACHED = 0.1
"""What a cached token costs, as a share of a fresh one, where prices are not known: the least
that large providers ask, so that a prefix is rather left alone."""


@dataclass(frozen=True, slots=True)
class Saving:
    """`share` of the cost of the prompt as it is that is saved, below 0 where it costs more;
    `fresh`: the share if nothing were cached."""

    share: float
    fresh: float


def cached(conversation: Conversation) -> int:
    """How many of the texts a provider may have cached; Anthropic caches only up to markers."""
    if conversation.form == "messages" and not any(text.pinned for text in conversation.texts):
        return 0
    return seen_before(conversation)


def seen_before(conversation: Conversation) -> int:
    """How many of the texts the upstream has most likely read in the request before this one.

    All before the last answer: what comes after is one run of turns without a gap, since a call of
    a tool is a turn of the model that holds no text.
    """
    texts = conversation.texts
    turn = texts[-1].turn if texts else 0
    for number in range(len(texts) - 1, -1, -1):
        text = texts[number]
        if text.kind in ("answer", "system") or text.turn < turn - 1:
            return number + 1 if text.kind == "answer" or text.turn < turn - 1 else 0
        turn = text.turn
    return 0


def saving(
    sizes: Sequence[int], *, first: int, old: int, saved: int, other: int, target: Target
) -> Saving:
    """The saving of a plan.

    `sizes`: tokens per text; `first`: the first text that changes; `old`: how many of the texts
    were sent before; `saved`: tokens that the plan leaves out; `other`: tokens of tools and the
    like, which stand before all texts.
    """
    price = _cached_share(target)
    total = other + sum(sizes)
    cached = (other + sum(sizes[:old])) if old else 0
    unbroken = min(cached, other + sum(sizes[:first])) if old else 0
    before = total - cached * (1 - price)
    after = total - saved - unbroken * (1 - price)
    return Saving(share=1 - after / max(before, 1), fresh=saved / max(total, 1))


def _cached_share(target: Target) -> float:
    if target.price is None or target.cached_price is None or target.price <= 0:
        return CACHED
    return min(1.0, target.cached_price / target.price)
