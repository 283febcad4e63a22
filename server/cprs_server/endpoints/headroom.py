"""The messages form of `POST /v1/compress`: what gateways such as LiteLLM call before a model."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cprs_server.change import Change, carry_out, placed, source_of
from cprs_server.endpoints.own import Own
from cprs_server.endpoints.wanted import options_of, tokenizer_named
from cprs_server.errors import ProxyError
from cprs_server.incoming import Incoming
from cprs_server.keeping import owner_of, record_of
from cprs_server.markers import marked
from cprs_server.planning.base import Options, Piece, Plan, Target
from cprs_server.store import hash_of
from cprs_server.upstream.headers import header
from cprs_server.windows import window_of
from cprs_server.wire.base import Conversation
from cprs_server.wire.forms import FORMS
from cprs_server.wire.splice import Edit, splice

RETRIEVE = "headroom_retrieve"
"""The tool that callers of this form offer their model."""

_BLOCKS = frozenset(("tool_result", "tool_use", "document"))


class Config(BaseModel):
    """What callers of this form may configure; what is not known here is left aside."""

    model_config = ConfigDict(extra="ignore", strict=True)

    compress_user_messages: bool = Field(
        default=True, description="False: tool results alone are made shorter."
    )
    target_ratio: float | None = Field(
        default=None, gt=0, le=1, description="Tokens after / tokens before."
    )
    protect_recent: int = Field(default=0, ge=0, description="Last messages to leave alone.")


class Messages(BaseModel):
    """Messages of a chat, in OpenAI's form or Anthropic's."""

    model_config = ConfigDict(
        extra="ignore",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "model": "gpt-4o",
                    "messages": [
                        {"role": "user", "content": "A long text ...\n\nWho chaired the meeting?"}
                    ],
                    "token_budget": 4000,
                }
            ]
        },
    )

    messages: list[dict[str, Any]] = Field(min_length=1)
    model: str | None = Field(default=None, description="The model that will read them.")
    token_budget: int | None = Field(
        default=None, ge=1, description="Tokens of all that is made shorter, at most."
    )
    config: Config = Field(default=Config())
    cprs: dict[str, Any] | None = Field(
        default=None, description="Options as in proxied requests: query, instruction, ratio, ..."
    )


class MessagesDone(BaseModel):
    """The messages, made shorter where they were long."""

    id: str
    messages: list[dict[str, Any]]
    tokens_before: int
    tokens_after: int
    tokens_saved: int
    compression_ratio: float = Field(description="Tokens after / tokens before.")
    transforms_applied: list[str]
    ccr_hashes: list[str] = Field(description="Of the originals, for GET /v1/retrieve/{hash}.")
    reason: str = Field(description="Why it was done, or why not.")
    warnings: list[str] = []


async def compress_messages(own: Own, asked: Incoming, wanted: Messages) -> MessagesDone:
    """The long texts of messages, each made shorter by the question it answers.

    What cannot be made shorter comes back as it is. Raises `ProxyError` as `Runner.run_all`.
    """
    if header(asked.headers, b"x-headroom-bypass").lower() == "true" or asked.mode == "off":
        return _unchanged(asked, wanted, "mode_off", 0)
    conversation, plan = await asyncio.to_thread(_plan, own, asked, wanted)
    if plan.decision != "compress" or not plan.pieces:
        return _unchanged(asked, wanted, plan.reason, plan.tokens_in, plan.notes)
    change = await carry_out(
        plan,
        conversation,
        own.runner,
        count=lambda text: own.planner.counting.count(text, plan.target.tokenizer).tokens,
        critic=_critic(own, asked, wanted),
        deadline=own.deadline,
    )
    own.limits.adjust(asked.key, change.tokens_out)
    if change.decision != "compress":
        return _unchanged(asked, wanted, change.reason, plan.tokens_in, plan.notes)
    return await asyncio.to_thread(_done, own, asked, wanted, conversation, plan, change)


def _plan(own: Own, asked: Incoming, wanted: Messages) -> tuple[Conversation, Plan]:
    form = FORMS["messages" if _is_anthropic(wanted.messages) else "chat"]
    model = wanted.model or ""
    conversation = form.read({"model": model, "messages": wanted.messages})
    live = own.live()
    try:
        routed = live.router.route(model, form.name, asked.key)
        target, policy = routed.target, routed.route.policy.said()
    except ProxyError:
        # Whatever model its caller sends this to need not be one that is routed here.
        tokenizer = tokenizer_named(model) if model else ""
        window = window_of(model, live.settings.windows) if model else None
        target, policy = Target(model, window, tokenizer), {}
    options = _options(own, asked, wanted, policy)
    scope = asked.key.name if asked.key else ""
    plan = own.planner.plan(conversation, options, target, scope=scope)
    return conversation, _within(plan, conversation, wanted.config)


def _within(plan: Plan, conversation: Conversation, config: Config) -> Plan:
    """A plan without what the caller wants left alone, nor that one's share of the budget."""
    pieces = tuple(p for p in plan.pieces if _allowed(conversation, p, config))
    budget = plan.budget
    if budget is not None and plan.options.budget is None and len(pieces) < len(plan.pieces):
        size, whole = (sum(p.tokens for p in some) for some in (pieces, plan.pieces))
        budget = max(1, budget * size // max(1, whole))
    return replace(plan, pieces=pieces, budget=budget)


def _options(own: Own, asked: Incoming, wanted: Messages, policy: dict[str, Any]) -> Options:
    """Compressed as asked for, not only above a trigger; the rest as the configuration says."""
    said: dict[str, Any] = {**policy, **(wanted.cprs or {})}
    if wanted.token_budget is not None:
        said["budget"] = wanted.token_budget
    elif wanted.config.target_ratio is not None:
        said["ratio"] = 1 / wanted.config.target_ratio
    options = options_of(said, asked, own.live(), guided=False)
    auto = "auto" in (asked.mode, said.get("mode"))
    return replace(options, mode="auto" if auto else "always", markers=False)


def _critic(own: Own, asked: Incoming, wanted: Messages) -> str:
    live = own.live()
    try:
        return live.router.route(wanted.model or "", "chat", asked.key).route.critic
    except ProxyError:
        return live.settings.critic


def _is_anthropic(messages: list[dict[str, Any]]) -> bool:
    return any(
        isinstance(block, dict) and block.get("type") in _BLOCKS
        for message in messages
        if isinstance(message.get("content"), list)
        for block in message["content"]
    )


def _allowed(conversation: Conversation, piece: Piece, config: Config) -> bool:
    text = conversation.texts[piece.text]
    last = max(each.turn for each in conversation.texts)
    recent = text.turn > last - config.protect_recent
    return not recent and (config.compress_user_messages or text.kind == "tool_result")


def _done(
    own: Own,
    asked: Incoming,
    wanted: Messages,
    conversation: Conversation,
    plan: Plan,
    change: Change,
) -> MessagesDone:
    owner, edits, hashes = owner_of(asked), [], []
    for piece, kept in placed(plan, change.pieces, change.done).items():
        original = source_of(conversation, piece)
        if kept == original:
            continue
        new = kept
        if own.store.keep_text(original, owner=owner) is not None:
            new = marked(kept, original, format=piece.format, tool=RETRIEVE)
            hashes.append(hash_of(original))
        edits.append(Edit.of(conversation.texts[piece.text], piece.start, piece.end, new))
    body = json.dumps({"messages": wanted.messages}).encode()
    record = record_of(asked.id, conversation, plan, change)
    own.store.keep_record(asked.id, record, owner=owner)
    return MessagesDone(
        id=asked.id,
        messages=json.loads(splice(body, edits))["messages"],
        tokens_before=change.tokens_in,
        tokens_after=change.tokens_out,
        tokens_saved=max(0, change.tokens_in - change.tokens_out),
        compression_ratio=change.tokens_out / max(1, change.tokens_in),
        transforms_applied=[f"cprs:{change.reason}"],
        ccr_hashes=hashes,
        reason=change.reason,
        warnings=[*plan.notes, *(w for done in change.done for w in done.warnings)],
    )


def _unchanged(
    asked: Incoming, wanted: Messages, reason: str, tokens: int, notes: tuple[str, ...] = ()
) -> MessagesDone:
    return MessagesDone(
        id=asked.id,
        messages=wanted.messages,
        tokens_before=tokens,
        tokens_after=tokens,
        tokens_saved=0,
        compression_ratio=1.0,
        transforms_applied=[],
        ccr_hashes=[],
        reason=reason,
        warnings=list(notes),
    )
