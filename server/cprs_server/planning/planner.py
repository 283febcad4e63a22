"""From a conversation to a plan. Nothing is changed and nothing is run here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cprs_server.planning.asks import Asks
from cprs_server.planning.base import Options, Piece, Plan, Target
from cprs_server.planning.budget import room
from cprs_server.planning.choosing import Chooser, Sizes
from cprs_server.planning.counting import MESSAGE, PART, Counting, bound
from cprs_server.planning.pieces import Candidate, Candidates, candidates
from cprs_server.planning.savings import cached
from cprs_server.planning.sticky import Sticky, keys_of
from cprs_server.wire.base import Conversation

_WHOLE = "translations, corrections and the like need every word: not compressed"
_OVERVIEW = "a summary of a text that fits is made from all of it: compressed only when asked to"


class Planner:
    """Plans requests. Safe to use from several threads.

    `counting` and `sticky` remember counts and compressed forms, so that the same text becomes the
    same bytes again, sooner.
    """

    def __init__(self, counting: Counting | None = None, sticky: Sticky | None = None) -> None:
        self.counting = counting or Counting()
        self.sticky = sticky or Sticky()

    def remember(self, piece: Piece, text: str, tokens: int) -> None:
        """Keep the compressed form of a piece for requests to come. `tokens`: the target's."""
        if piece.key and piece.kept is None:
            self.sticky.put(piece.key, text, tokens)

    def tokens(self, conversation: Conversation, target: Target) -> int:
        """How many tokens the whole prompt has for `target`; an estimate errs high."""
        return self._sizes(conversation, target).total

    def plan(
        self, conversation: Conversation, options: Options, target: Target, *, scope: str = ""
    ) -> Plan:
        """What should happen to a request. `scope`: whose it is; forms are not shared beyond.

        Takes microseconds below the trigger, about a second for eight megabytes of text.
        """
        slack = self.counting.slack(target.tokenizer)
        fits = room(target, conversation.output_tokens, slack=slack)
        plan = Plan("forward", "mode_off", options, target, room=fits)
        if options.mode == "off":
            return plan
        if options.mode != "always" and (low := self._low(conversation, plan)) is not None:
            return _audited(low) if options.mode == "audit" else low
        sizes = self._sizes(conversation, target)
        plan = replace(plan, tokens_in=sizes.total, exact=sizes.exact)
        over_window = fits is not None and sizes.total > fits
        if options.mode != "always" and sizes.total <= options.trigger and not over_window:
            plan = replace(plan, reason="below_trigger")
        else:
            notes = self._notes(conversation, target, slack)
            plan = self._long(conversation, replace(plan, notes=notes), sizes, scope, over_window)
        return _audited(plan) if options.mode == "audit" else plan

    def _low(self, conversation: Conversation, plan: Plan) -> Plan | None:
        """The plan for a prompt that is surely below all limits, without counting."""
        texts = [*(text.text for text in conversation.texts), conversation.other]
        around = MESSAGE * (len(texts) + 1) + PART * conversation.other_parts
        trigger, fits = plan.options.trigger, plan.room
        limit = trigger if fits is None else min(trigger, fits)
        if sum(map(len, texts)) + around > 8 * limit:
            return None
        size = sum(map(bound, texts))
        if size + around <= limit:
            tokens = size // 2 + around
        else:
            tokens = self.counting.rough(texts, plan.target.tokenizer) + around
            # A rough number says whether a count is worth it, not whether it fits.
            if tokens > trigger or (fits is not None and tokens > fits // 2):
                return None
        return replace(plan, reason="below_trigger", tokens_in=tokens, exact=False)

    def _sizes(self, conversation: Conversation, target: Target) -> Sizes:
        texts = [self.counting.count(t.text, target.tokenizer) for t in conversation.texts]
        other = self.counting.count(conversation.other, target.tokenizer)
        parts = conversation.other_parts
        return Sizes(
            texts=tuple(each.tokens + MESSAGE for each in texts),
            other=other.tokens + MESSAGE + PART * parts,
            exact=all(each.exact for each in (*texts, other)) and not parts,
        )

    def _notes(self, conversation: Conversation, target: Target, slack: float) -> tuple[str, ...]:
        notes = []
        if not self.counting.counter(target.tokenizer).exact:
            notes.append(f"no tokenizer of {target.tokenizer!r} here: tokens are estimated, high")
        if slack > 1:
            notes.append(
                f"its own tokens may be {slack:.1f} times as many: so much less room is left"
            )
        if conversation.continues:
            notes.append("earlier turns are kept by the upstream and not counted")
        return tuple(notes)

    def _long(
        self, conversation: Conversation, plan: Plan, sizes: Sizes, scope: str, over_window: bool
    ) -> Plan:
        """The plan for a prompt that is long enough to be worth one."""
        asks = Asks(conversation)
        found = candidates(asks, plan.options, lambda text: self._tokens(text, plan.target))
        usable, refused = _usable(found, plan.options, over_window=over_window)
        notes = (*plan.notes, *found.notes, *((refused,) if refused else ()))
        plan = replace(plan, notes=notes)
        if usable:
            plan = self._compress(plan, conversation, sizes, usable, scope, over_window)
        else:
            plan = replace(plan, reason=_why_not(conversation, found, refused))
        if over_window and plan.decision == "forward":
            return _too_long(plan)
        return plan

    def _compress(
        self,
        plan: Plan,
        conversation: Conversation,
        sizes: Sizes,
        usable: Sequence[Candidate],
        scope: str,
        over_window: bool,
    ) -> Plan:
        keys = keys_of(conversation, [each.piece for each in usable], plan, scope)
        forms = {key: form for key in keys if (form := self.sticky.get(key)) is not None}
        old = cached(conversation)

        def count(text: str) -> int:
            return self._tokens(text, plan.target)

        chooser = Chooser(plan, conversation, sizes, forms, old, count)
        forced = over_window or plan.options.mode == "always"
        best = chooser.best(list(zip(usable, keys, strict=True)), forced=forced)
        if best is None:
            return replace(plan, reason="nothing_compressible" if over_window else "min_saving")
        about = {
            "limits": dict(best.budget.limits),
            "saving": round(best.saving.share, 4),
            "tokens": sum(piece.tokens for piece in best.pieces),
        }
        least = max(plan.options.min_saving, 1e-9)
        kept = any(piece.kept is not None for piece in best.pieces)
        if not forced and not kept and best.saving.share < least:
            reason = "cached_prefix" if old and best.saving.fresh >= least else "min_saving"
            return replace(plan, reason=reason, about=about)
        reason = "asked" if plan.options.mode == "always" else "over_trigger"
        budget = best.budget.tokens
        return replace(
            plan,
            decision="compress",
            reason="over_window" if over_window else reason,
            # One number decides: `cprs` takes a budget or a ratio, not both.
            options=plan.options if budget is None else replace(plan.options, ratio=None),
            pieces=best.pieces,
            budget=budget,
            discount=best.saving.discount,
            about=about,
        )

    def _tokens(self, text: str, target: Target) -> int:
        return self.counting.count(text, target.tokenizer).tokens


def _usable(
    found: Candidates, options: Options, *, over_window: bool
) -> tuple[list[Candidate], str]:
    """The candidates whose question may be answered from a part; why others may not."""
    tasks = {"question", "overview"} if over_window or options.mode == "always" else {"question"}
    usable = [each for each in found.found if each.task in tasks]
    left = {each.task for each in found.found} - tasks
    return usable, _WHOLE if "whole" in left else _OVERVIEW if left else ""


def _why_not(conversation: Conversation, found: Candidates, refused: str) -> str:
    if refused:
        return "needs_whole_text"
    if found.unasked:
        return "continues" if conversation.continues else "no_query"
    return "nothing_compressible"


def _too_long(plan: Plan) -> Plan:
    """A prompt over the window of which nothing can be compressed. It is refused where it cannot
    fit for sure; else the upstream knows best, and says so in its own words."""
    window = plan.target.window or 0
    sure = plan.tokens_in > (window if plan.exact else 2 * window)
    why = (
        f"{plan.tokens_in} tokens are more than the {plan.room} that a window of {window} leaves "
        f"for the prompt, and nothing can be left out ({plan.reason})"
    )
    return replace(
        plan,
        decision="refuse" if sure else "forward",
        reason="over_window_uncompressible",
        notes=(*plan.notes, why),
    )


def _audited(plan: Plan) -> Plan:
    return replace(
        plan, decision="forward", reason="audit", about={**plan.about, "reason": plan.reason}
    )
