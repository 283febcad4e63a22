"""Which of the candidates are worth it, with what budget, and what is sent as it was before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from cprs_server.planning.base import Options, Piece, Plan
from cprs_server.planning.budget import FLOOR, Budget, budget
from cprs_server.planning.pieces import Candidate, inside
from cprs_server.planning.savings import Saving, saving
from cprs_server.planning.sticky import Form
from cprs_server.wire.base import Conversation


@dataclass(frozen=True, slots=True)
class Sizes:
    """Tokens of a prompt: of each text, of tools and the like, and whether all were counted."""

    texts: tuple[int, ...]
    other: int
    exact: bool

    @property
    def total(self) -> int:
        return sum(self.texts) + self.other


@dataclass(frozen=True, slots=True)
class Choice:
    """Some of the candidates as pieces, their budget, and what they would save."""

    pieces: tuple[Piece, ...]
    budget: Budget
    saving: Saving


@dataclass(frozen=True, slots=True)
class Chooser:
    """What choices are made from. `forms`: compressed forms from before, by key; `old`: how many
    of the texts a provider may have cached; `count`: the target's tokens of a text."""

    plan: Plan
    conversation: Conversation
    sizes: Sizes
    forms: Mapping[str, Form]
    old: int
    count: Callable[[str], int]

    def best(self, candidates: Sequence[tuple[Candidate, str]], *, forced: bool) -> Choice | None:
        """The choice that saves most: all candidates, or those alone that no cached prefix holds;
        `forced`: all of them. Candidates come with their keys. None where nothing can be saved."""
        found = self._choose(candidates)
        new = [
            each for each in candidates if each[0].piece.text >= self.old or each[1] in self.forms
        ]
        if forced or len(new) == len(candidates):
            return found
        other = self._choose(new)
        if found is None or (other is not None and other.saving.share > found.saving.share):
            return other
        return found

    def _choose(self, chosen: Sequence[tuple[Candidate, str]]) -> Choice | None:
        size = sum(candidate.piece.tokens for candidate, _ in chosen)
        kept = [(c.piece, key, self.forms[key]) for c, key in chosen if key in self.forms]
        held = sum(form.tokens for _, _, form in kept)
        if not self._agreeable(size, held, more=len(kept) < len(chosen)):
            kept, held = [], 0
        keys = {key for _, key, _ in kept}
        run = [each for each in chosen if each[1] not in keys]
        options = self.plan.options
        if options.budget is not None:
            options = replace(options, budget=max(1, options.budget - held))
        new, limit = self._limited(run, options, held - size)
        tokens = sum(piece.tokens for piece in new)
        if new and limit.limits.get("window", FLOOR) < FLOOR:
            return None
        if limit.tokens is not None and limit.tokens >= tokens:
            new, tokens = [], 0
        if not new and not kept:
            return None
        pieces = [replace(piece, kept=form.text, key=key) for piece, key, form in kept]
        pieces.extend(new)
        pieces.sort(key=lambda piece: (piece.text, piece.start))
        # What a threshold keeps is not known before: half, for the sake of deciding.
        by_threshold = limit.tokens is None and options.ratio is None
        asked = tokens // 2 if by_threshold else min(limit.limits.values(), default=0)
        saved = sum(piece.tokens for piece, _, _ in kept) - held + max(0, tokens - asked)
        again = {piece.text: 0 for piece, _, _ in kept}
        for piece, _, form in kept:
            again[piece.text] += max(0, piece.tokens - form.tokens)
        return Choice(tuple(pieces), limit, self._saving(pieces, saved, again))

    def _agreeable(self, size: int, held: int, *, more: bool) -> bool:
        """Whether forms from before still fit all limits, with room for what is compressed now."""
        plan, spare = self.plan, FLOOR if more else 0
        if plan.room is not None and self.sizes.total - size + held + spare > plan.room:
            return False
        return plan.options.budget is None or held + spare <= plan.options.budget

    def _limited(
        self, run: Sequence[tuple[Candidate, str]], options: Options, without: int
    ) -> tuple[list[Piece], Budget]:
        """The pieces to compress, and their budget. `without`: tokens to add to the prompt for all
        candidates as they will be, those to compress at nothing."""
        fixed = self.sizes.total + without
        tokens = sum(candidate.piece.tokens for candidate, _ in run)
        limit = budget(options, pieces=tokens, fixed=fixed, room=self.plan.room)
        pieces = [piece for candidate, key in run for piece in self._fitting(candidate, key, limit)]
        # Of passages that are taken apart, what is between them stays.
        rest = tokens - sum(piece.tokens for piece in pieces)
        if rest:
            limit = budget(options, pieces=tokens - rest, fixed=fixed + rest, room=self.plan.room)
        return pieces, limit

    def _fitting(self, candidate: Candidate, key: str, limit: Budget) -> Sequence[Piece]:
        """A candidate as pieces: its passages apart where the budget holds too few of them."""
        piece = candidate.piece
        if limit.tokens is None or candidate.longest * 2 <= limit.tokens:
            return [replace(piece, key=key)]
        return list(inside(self.conversation.texts[piece.text].text, candidate, self.count))

    def _saving(self, pieces: Sequence[Piece], saved: int, again: Mapping[int, int]) -> Saving:
        """`again`: tokens left out as before, by text."""
        changed = [piece.text for piece in pieces if piece.kept is None]
        first = min(changed, default=len(self.sizes.texts))
        return saving(
            self.sizes.texts,
            first=first,
            old=self.old,
            saved=saved,
            other=self.sizes.other,
            target=self.plan.target,
            again=sum(tokens for text, tokens in again.items() if text < min(first, self.old)),
        )
