"""What becomes known of a request on its way, and the record that is made of it at the end."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

from cprs_server.access.limits import RateHeaders
from cprs_server.change import Change
from cprs_server.incoming import Incoming
from cprs_server.observe.record import Record, Stages
from cprs_server.planning.base import Plan
from cprs_server.planning.savings import cached_price
from cprs_server.routing import Routed
from cprs_server.shadowing import MOST
from cprs_server.upstream.relay import Send
from cprs_server.wire.base import Conversation
from cprs_server.wire.reported import Reported

_LOGGED = 100_000
"""Bytes of a body that are logged, where texts are."""


@dataclass(slots=True)
class Account:
    """One request's. Nobody was told anything as long as `status` is 499. `heard`: the answer,
    where it is to be compared with another or logged; `bodies` that are to be logged with it."""

    stages: Stages = field(default_factory=Stages)
    status: int = 499
    routed: Routed | None = None
    conversation: Conversation | None = None
    plan: Plan | None = None
    change: Change | None = None
    rates: RateHeaders = field(default_factory=RateHeaders)
    upstream: str = ""
    upstream_status: int | None = None
    first: float | None = None
    sent: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    error: str = ""
    heard: bytearray | None = None
    bodies: dict[str, bytes] = field(default_factory=dict)
    reported: Reported = field(default_factory=Reported)

    def note(self, part: bytes) -> None:
        """A part of the answer has come."""
        if self.first is None:
            self.first = time.perf_counter()
        self.bytes_out += len(part)
        self.reported.feed(part)
        if self.heard is not None and len(self.heard) <= MOST:
            self.heard += part

    @property
    def texts(self) -> dict[str, str]:
        """What is to be logged of the texts themselves, the beginning of each."""
        if not self.bodies:
            return {}
        bodies = {**self.bodies, "answer": bytes(self.heard or b"")}
        return {name: body[:_LOGGED].decode("utf-8", "replace") for name, body in bodies.items()}

    def record(self, asked: Incoming, *, endpoint: str | None = None) -> Record:
        """The figures, at the end. `endpoint`: its template, by default the one of `asked`."""
        change, conversation = self.change, self.conversation
        usage_in, usage_out = self.reported.tokens
        target = self.routed.target if self.routed else None
        return Record(
            endpoint=endpoint or asked.endpoint,
            status=self.status,
            form=asked.form.name if asked.form else "",
            model=conversation.model if conversation else "",
            stream=bool(conversation and conversation.stream),
            decision=change.decision if change else "",
            reason=change.reason if change else "",
            tokens_in=change.tokens_in if change else 0,
            tokens_out=change.tokens_out if change else 0,
            exact=self.plan.exact if self.plan else True,
            price=target.price if target else None,
            cached_price=cached_price(target) if target else None,
            discount=self.plan.discount if self.plan else 0,
            seconds=self.stages.total,
            stages=self.stages.seconds,
            upstream=self.upstream,
            upstream_status=self.upstream_status,
            usage_in=usage_in,
            usage_out=usage_out,
            first_token=self.first - self.sent if self.first is not None else None,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            error=self.error,
        )


class Begun:
    """`send` that knows whether anything was sent."""

    __slots__ = ("_send", "begun")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        self.begun = True
        await self._send(message)
