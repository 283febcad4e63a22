"""The built-in backend: it answers with the evidence itself, so that no model is needed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cprs_server.change import jobs_of, placed
from cprs_server.errors import ProxyError
from cprs_server.planning.base import Options, Piece, Plan
from cprs_server.running.base import Done, Job, Runner
from cprs_server.upstream.base import Headers
from cprs_server.wire.base import Answer, Conversation, Form

MOST = 1024
"""Tokens of an answer, unless the client or a policy says otherwise."""

NO_QUESTION = (
    "No question was found in this request, so there is nothing to look for: "
    "ask one after the text, or give it as cprs.query."
)
NO_EVIDENCE = "Nothing in the {tokens} tokens of this request answers the question."


def extract_options(options: Options) -> Options:
    """What a plan for this backend is made with: every text is read, however short, whatever the
    mode, since evidence is all there is to answer with."""
    return replace(options, mode="always", least=0, trigger=0, min_saving=0.0, markers=False)


@dataclass(frozen=True, slots=True)
class Extracted:
    """An answer, and what was run for it."""

    answer: Answer
    groups: tuple[tuple[Piece, ...], ...] = ()
    done: tuple[Done, ...] = ()


class Extract:
    """Answers from a plan made with `extract_options`: the kept text of its pieces, in order.

    Where neither budget, ratio nor threshold is given, the critic's own threshold decides, up to
    `most` tokens or the client's own bound on the answer.
    """

    def __init__(
        self, runner: Runner, *, most: int = MOST, clock: Callable[[], float] = time.time
    ) -> None:
        self._runner = runner
        self._most = most
        self._clock = clock

    async def answer(
        self,
        conversation: Conversation,
        plan: Plan,
        *,
        id: str,
        deadline: float | None = None,
        critic: str = "embedded",
        cprs: Mapping[str, Any] | None = None,
    ) -> Extracted:
        """Run the plan and say what was found. Raises `ProxyError` as `Runner.run`."""
        if plan.decision == "refuse":
            why = "; ".join(plan.notes) or plan.reason
            raise ProxyError(413, why, code="context_length_exceeded")
        options = plan.options
        free = options.budget is None and options.ratio is None
        budget = None if free else plan.budget
        groups, jobs = jobs_of(plan, conversation, critic=critic, budget=budget)
        done = await self._runner.run_all(jobs, deadline=deadline)
        if free:
            done = await self._within(jobs, done, self._bound(conversation), deadline)
        text = _text(conversation, plan, groups, done)
        tokens_in = plan.tokens_in or sum(one.tokens_in for one in done)
        answer = Answer(
            id=id,
            model=conversation.model,
            text=text or NO_EVIDENCE.format(tokens=f"{tokens_in:,}"),
            tokens_in=tokens_in,
            tokens_out=sum(one.tokens_out for one in done),
            created=int(self._clock()),
            cprs=cprs or {},
        )
        return Extracted(answer, groups, tuple(done))

    def _bound(self, conversation: Conversation) -> int:
        return min(self._most, conversation.output_tokens or self._most)

    async def _within(
        self, jobs: Sequence[Job], done: list[Done], bound: int, deadline: float | None
    ) -> list[Done]:
        """The same with a budget where it came out longer. What was read is not read again."""
        total = sum(one.tokens_out for one in done)
        if total <= bound:
            return done
        shorter = [
            replace(job, budget=max(1, bound * one.tokens_out // total))
            for job, one in zip(jobs, done, strict=True)
        ]
        return await self._runner.run_all(shorter, deadline=deadline)


@dataclass(frozen=True, slots=True)
class ExtractReply:
    """An `Extracted` as a `Reply` of an upstream, in the client's form."""

    status: int
    headers: Headers
    parts: Callable[[], Sequence[bytes]] = field(repr=False)

    @classmethod
    def of(cls, form: Form, answer: Answer, *, stream: bool, usage: bool = False) -> ExtractReply:
        """`stream`: as events; `usage`: at their end, where the client asks for it."""
        if stream:
            headers = ((b"content-type", b"text/event-stream; charset=utf-8"),)
            return cls(
                200,
                (*headers, (b"cache-control", b"no-cache")),
                lambda: list(form.events(answer, usage=usage)),
            )
        body = form.answer(answer)
        length = str(len(body)).encode()
        headers_ = ((b"content-type", b"application/json"), (b"content-length", length))
        return cls(200, headers_, lambda: [body])

    async def body(self) -> AsyncIterator[bytes]:
        """The body, an event at a time where it is a stream."""
        for part in self.parts():
            yield part

    async def close(self) -> None:
        """Nothing is left to stop."""


def _text(
    conversation: Conversation,
    plan: Plan,
    groups: Sequence[Sequence[Piece]],
    done: Sequence[Done],
) -> str:
    """What is said: the evidence, or why there is none."""
    if not plan.pieces:
        return NO_QUESTION if plan.reason in _UNASKED else _as_it_is(conversation)
    found = (text.strip() for text in placed(plan, groups, done).values())
    return "\n\n".join(filter(None, found))


_UNASKED = ("no_query", "continues")


def _as_it_is(conversation: Conversation) -> str:
    """Of a request with nothing to compress: its documents, else that there is no question."""
    documents = [t.text for t in conversation.texts if t.kind in ("document", "tool_result")]
    return "\n\n".join(documents) or NO_QUESTION
