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
    `fresh`: the share if nothing were cached. `discount`: tokens that make the saving smaller by
    the difference between a fresh token and a cached one: what is left out of a prefix that would
    have come from the cache, and what no longer comes from it."""

    share: float
    fresh: float
    discount: int = 0


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
    sizes: Sequence[int],
    *,
    first: int,
    old: int,
    saved: int,
    other: int,
    target: Target,
    again: int = 0,
) -> Saving:
    """The saving of a plan.

    `sizes`: tokens per text; `first`: the first text that changes; `old`: how many of the texts
    were sent before; `saved`: tokens that the plan leaves out; `other`: tokens of tools and the
    like, which stand before all texts; `again`: of `saved`, what was left out in the same place
    when those before `first` were sent before.
    """
    price = cached_share(target)
    total = other + sum(sizes)
    cached = (other + sum(sizes[:old])) if old else 0
    unbroken = min(cached, other + sum(sizes[:first])) if old else 0
    before = total - cached * (1 - price)
    after = total - saved - (unbroken - again) * (1 - price)
    return Saving(
        share=1 - after / max(before, 1),
        fresh=saved / max(total, 1),
        discount=cached - unbroken + again,
    )


def cached_share(target: Target) -> float:
    """The price of a cached token as a share of a fresh one's."""
    if target.price is None or target.cached_price is None or target.price <= 0:
        return CACHED
    return min(1.0, target.cached_price / target.price)


def cached_price(target: Target) -> float | None:
    """What a million cached prompt tokens cost, as far as is known."""
    return None if target.price is None else target.price * cached_share(target)
