"""A body understood: what it asks for, where it goes, and the plan for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cprs_server.change import Change
from cprs_server.errors import ProxyError
from cprs_server.incoming import Incoming
from cprs_server.live import Live
from cprs_server.planning.base import Options, Plan
from cprs_server.planning.options import merge
from cprs_server.planning.planner import Planner
from cprs_server.reasoner.prompt import FORMS as REASONED
from cprs_server.reasoner.prompt import as_trained, with_room
from cprs_server.routing import Routed
from cprs_server.upstream.extract import extract_options
from cprs_server.wire.base import Conversation, Form
from cprs_server.wire.body import parse
from cprs_server.wire.splice import splice

_COMPRESSED = frozenset(("chat", "completions", "responses", "messages"))
"""Embeddings are of the text itself, and whoever counts tokens counts those of the original."""


@dataclass(frozen=True, slots=True)
class Understood:
    """`form` by its name, `value` is the JSON, the rest what it asks for and where it goes."""

    form: str
    value: Mapping[str, Any]
    conversation: Conversation
    routed: Routed
    options: Options


@dataclass(frozen=True, slots=True)
class Asking:
    """`value` is the JSON, the rest what it comes to."""

    value: Mapping[str, Any]
    conversation: Conversation
    routed: Routed
    plan: Plan

    @property
    def usage(self) -> bool:
        """Whether the client wants to be told in the answer's `usage`."""
        said = self.value.get("cprs")
        return isinstance(said, dict) and said.get("usage") is True

    @property
    def reasons(self) -> bool:
        """Whether the model is asked, and its answer handed over, as a reasoner's."""
        return (
            self.routed.route.reasoner is not None
            and self.routed.upstream is not None
            and self.conversation.form in REASONED
        )

    @property
    def answer_only(self) -> bool:
        """Whether only the answer of a reasoner's answer is wanted."""
        said = self.value.get("cprs")
        asked = said.get("answer") if isinstance(said, dict) else None
        return asked if isinstance(asked, bool) else self.routed.route.answer_only

    def changed(self, body: bytes, change: Change) -> bytes:
        """The body that goes on: as it came, but for the edits, our own member, and the model's
        name where the upstream knows it by another."""
        name = self.routed.target.model
        model = name if name != self.conversation.model else None
        edits = as_trained(self.conversation, change.edits) if self.reasons else change.edits
        if not edits and model is None and "cprs" not in self.value:
            return body
        return splice(body, edits, model=model)


def understand(body: bytes, form: Form, asked: Incoming, live: Live) -> Understood:
    """Read a body of `form`. Raises `ProxyError`: 400 for what is no request, 403 and 404 for what
    is not to be had here."""
    value = parse(body)
    conversation = form.read(value)
    key = asked.key
    routed = live.router.route(conversation.model, form.name, key)
    options = merge(
        live.settings.policy.said(),
        routed.route.policy.said(),
        key.policy.said() if key else {},
        body=value.get("cprs"),
        header=asked.mode,
        caps=key.max if key else None,
        others=("usage", "answer"),
    )
    if form.name not in _COMPRESSED:
        options = Options(mode="off")
    elif routed.upstream is None:
        options = extract_options(options)
    if routed.route.reasoner is not None and form.name in REASONED:
        conversation = with_room(conversation, routed.target)
    return Understood(form.name, value, conversation, routed, options)


def planned(found: Understood, asked: Incoming, planner: Planner) -> Asking:
    """The plan for it. Takes about a second for eight megabytes, or where the target's tokenizer is
    not loaded yet. Raises `ProxyError` (413) for more tokens than the key may send."""
    conversation, routed, key = found.conversation, found.routed, asked.key
    scope = key.name if key else ""
    plan = planner.plan(conversation, found.options, routed.target, scope=scope)
    if found.form == "count_tokens" and routed.upstream is None:
        plan = replace(plan, tokens_in=planner.tokens(conversation, routed.target))
    if key is not None and key.max.tokens is not None and plan.tokens_in > key.max.tokens:
        raise ProxyError(
            413,
            f"the prompt has {plan.tokens_in} tokens, and key {key.name!r} may send "
            f"{key.max.tokens}",
            code="prompt_too_long",
        )
    return Asking(found.value, conversation, routed, plan)
