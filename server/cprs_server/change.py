"""A plan carried out: the edits it comes to, or why the original goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cprs_server.errors import ProxyError
from cprs_server.markers import marked
from cprs_server.planning.base import Piece, Plan
from cprs_server.running.base import Done, Job, Runner
from cprs_server.wire.base import Conversation
from cprs_server.wire.splice import Edit

LEFT_OUT = "[…]"
"""Stands for a text of which nothing was kept: APIs refuse empty ones."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a plan: `decision` and `reason` as the client is told them, the `edits`, the
    prompt's tokens before and after as `tokenizer` counts; the `pieces` that were compressed
    now, a group for each job, and what each job gave."""

    decision: str
    reason: str
    tokens_in: int
    tokens_out: int
    tokenizer: str
    edits: tuple[Edit, ...] = ()
    pieces: tuple[tuple[Piece, ...], ...] = ()
    done: tuple[Done, ...] = ()


async def carry_out(
    plan: Plan,
    conversation: Conversation,
    runner: Runner,
    *,
    count: Callable[[str], int],
    critic: str = "embedded",
    deadline: float | None = None,
) -> Change:
    """Compress what `plan` says; where that fails, the original goes on if it fits. `count` gives
    the target's tokens of a text.

    Raises `ProxyError`: 413 where the prompt does not fit as it is and cannot be compressed, 429
    where too many wait already, 400 for options that make no sense.
    """
    if plan.decision == "refuse":
        raise _too_large(plan, plan.notes[-1] if plan.notes else "it cannot be compressed")
    audited = plan.reason == "audit"
    if not plan.pieces or (plan.decision == "forward" and not audited):
        return _forward(plan, plan.reason)
    kept = [piece for piece in plan.pieces if piece.kept is not None]
    groups, jobs = jobs_of(plan, conversation, critic=critic, budget=plan.budget)
    try:
        done = await runner.run_all(jobs, deadline=deadline)
    except ProxyError as error:
        # A budget that was never asked for, but planned, is no fault of the client's.
        theirs = error.status == 400 and (error.code != "budget" or plan.options.budget)
        if theirs or error.status == 429:
            raise
        if not fits(plan):
            raise _too_large(plan, f"compressing it failed: {error.message}") from error
        return _forward(plan, f"failed_{error.code}")
    texts = placed(plan, groups, done)
    now = sum(one.tokens_in - one.tokens_out for one in done)
    before = sum(piece.tokens - count(piece.kept or "") for piece in kept)
    return Change(
        decision="audit" if audited else "compress",
        reason=plan.reason,
        tokens_in=plan.tokens_in,
        tokens_out=plan.tokens_in - now - before,
        tokenizer=plan.target.tokenizer,
        edits=() if audited else _edits(plan, conversation, texts),
        pieces=groups,
        done=tuple(done),
    )


def _forward(plan: Plan, reason: str) -> Change:
    tokens = plan.tokens_in
    return Change("forward", reason, tokens, tokens, plan.target.tokenizer)


def fits(plan: Plan) -> bool:
    """Whether the prompt as it is has room in the target's window, as far as is known."""
    return plan.room is None or plan.tokens_in <= plan.room


def jobs_of(
    plan: Plan, conversation: Conversation, *, critic: str, budget: int | None
) -> tuple[tuple[tuple[Piece, ...], ...], list[Job]]:
    """The pieces that are to be compressed, in groups, and a job for each that together have
    `budget` tokens."""
    groups = grouped([piece for piece in plan.pieces if piece.kept is None])
    jobs = [
        Job(
            texts=tuple(source_of(conversation, piece) for piece in group),
            query=group[0].query,
            options=plan.options,
            tokenizer=plan.target.tokenizer,
            budget=share,
            formats=tuple(piece.format for piece in group),
            names=tuple(piece.name for piece in group),
            critic=critic,
        )
        for group, share in zip(groups, shares(groups, budget), strict=True)
    ]
    return tuple(groups), jobs


def source_of(conversation: Conversation, piece: Piece) -> str:
    """The text that a piece is of."""
    return conversation.texts[piece.text].text[piece.start : piece.end]


def placed(plan: Plan, groups: Sequence[Sequence[Piece]], done: Sequence[Done]) -> dict[Piece, str]:
    """Every piece with what takes its place, in the order of the prompt."""
    texts = {piece: piece.kept for piece in plan.pieces if piece.kept is not None}
    for group, one in zip(groups, done, strict=True):
        texts.update(zip(group, one.texts, strict=True))
    return dict(sorted(texts.items(), key=lambda each: (each[0].text, each[0].start)))


def grouped(pieces: Sequence[Piece]) -> list[tuple[Piece, ...]]:
    """Pieces of one query together, in the order in which the queries first occur; but JSON each
    on its own, since of JSON that shares a budget nothing at all may be left, which is none."""
    groups: dict[tuple[str, Piece | None], list[Piece]] = {}
    for piece in pieces:
        alone = piece if piece.format == "json" else None
        groups.setdefault((piece.query, alone), []).append(piece)
    return [tuple(group) for group in groups.values()]


def shares(groups: Sequence[Sequence[Piece]], budget: int | None) -> list[int | None]:
    """What each group gets of `budget`: the share of it that it has of the tokens."""
    if budget is None:
        return [None] * len(groups)
    sizes = [sum(piece.tokens for piece in group) for group in groups]
    return [max(1, budget * size // max(1, sum(sizes))) for size in sizes]


def _edits(plan: Plan, conversation: Conversation, texts: Mapping[Piece, str]) -> tuple[Edit, ...]:
    edits = []
    for piece, kept in texts.items():
        original = source_of(conversation, piece)
        if kept == original:
            continue
        text = conversation.texts[piece.text]
        new = marked(kept, original, format=piece.format) if plan.options.markers else kept
        edits.append(Edit.of(text, piece.start, piece.end, new if new.strip() else LEFT_OUT))
    return tuple(edits)


def _too_large(plan: Plan, why: str) -> ProxyError:
    about = "" if plan.exact else "about "
    room = "an unknown number" if plan.room is None else str(plan.room)
    return ProxyError(
        413,
        f"the prompt has {about}{plan.tokens_in} tokens, {plan.target.model} has room for {room}, "
        f"and {why}",
        code="context_length_exceeded",
    )
