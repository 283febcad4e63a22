"""A tool that models can call to get back what was left out, answered here and not by the client.

Offered, where the configuration says so, with requests whose texts carry markers. The answer that
the client gets is the first that calls no more of it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cprs_server import retrieve_forms as forms
from cprs_server.errors import ProxyError
from cprs_server.replay import replayed
from cprs_server.retrieve_forms import Called
from cprs_server.running.base import Job, Runner
from cprs_server.store import Store
from cprs_server.upstream.base import Headers, Reply

SendAgain = Callable[[bytes], Awaitable[Reply]]
"""Sends a body to the same upstream, with the same headers, asking for no content coding."""

_FRAMING = frozenset((b"content-length", b"transfer-encoding"))


@dataclass(frozen=True, slots=True)
class Back:
    """How texts are got back for one request: whose they are, and a `job` like those that made
    them shorter, whose budget is what all that comes back may have."""

    owner: str
    job: Job


@dataclass(frozen=True, slots=True)
class Whole:
    """A `Reply` that is all there."""

    status: int
    headers: Headers
    parts: tuple[bytes, ...] = field(repr=False)

    async def body(self) -> AsyncIterator[bytes]:
        """What there is."""
        for part in self.parts:
            yield part

    async def close(self) -> None:
        """Nothing is left to stop."""


class RetrieveTool:
    """Answers calls of `cprs_retrieve`. At most `rounds` times in a request, and `most` calls in
    each; after that the model has to answer without it."""

    def __init__(self, store: Store, runner: Runner, *, rounds: int = 3, most: int = 8) -> None:
        self._store = store
        self._runner = runner
        self._rounds = rounds
        self._most = most

    def offers(self, form: str, request: Mapping[str, Any]) -> bool:
        """Whether it goes along with a request. Streams of responses are left alone."""
        return forms.offers(form, request) and not (form == "responses" and request.get("stream"))

    async def exchange(
        self,
        form: str,
        request: Mapping[str, Any],
        send: SendAgain,
        back: Back,
        *,
        usage: bool = False,
        deadline: float | None = None,
    ) -> Reply:
        """Send `request` with the tool, answer its calls, and return the answer for the client.

        The upstream is not asked to stream, since whether an answer is for the client is known at
        its end; a client that wants a stream gets the answer as one (`usage`: with its usage).
        Raises as `send`, and `ProxyError` where an answer breaks off.
        """
        stream = bool(request.get("stream"))
        asked = {k: v for k, v in request.items() if k not in ("stream", "stream_options")}
        asked = forms.offered(form, asked)
        for left in range(self._rounds, -1, -1):
            reply = await send(json.dumps(asked).encode())
            whole = await _read(reply)
            answer = _answer(whole)
            if answer is None:
                return whole
            ours, others = forms.called(form, answer)
            if not ours or not left:
                return _told(form, whole, answer, stream=stream, usage=usage, changed=False)
            if others:
                answer = forms.stripped(form, answer)
                return _told(form, whole, answer, stream=stream, usage=usage, changed=True)
            results = await self._results(ours, back, deadline)
            asked = forms.followed(form, asked, answer, results)
            if left == 1:
                asked = forms.withdrawn(asked)
        raise AssertionError("the last round returns")

    async def _results(
        self, calls: Sequence[Called], back: Back, deadline: float | None
    ) -> list[tuple[Called, str]]:
        taken = calls[: self._most]
        budget = back.job.budget
        each = None if budget is None else max(1, budget // max(1, len(taken)))
        found = [(call, await self._get(call, back, each, deadline)) for call in taken]
        return found + [(call, "[too many calls at once]") for call in calls[self._most :]]

    async def _get(
        self, call: Called, back: Back, budget: int | None, deadline: float | None
    ) -> str:
        """A text, or as much of it as there is room for; what a model is told does not fail."""
        text = self._store.text(call.hash, owner=back.owner)
        if text is None:
            return "[nothing is kept under this hash: it is unknown, or too old]"
        options = replace(back.job.options, ratio=None, threshold=None)
        job = replace(
            back.job,
            texts=(text,),
            query=call.query or back.job.query,
            options=options,
            budget=budget,
            formats=(),
            names=(),
        )
        if budget is None:
            return text
        try:
            return (await self._runner.run(job, deadline=deadline)).texts[0]
        except ProxyError as error:
            return f"[it cannot be had now: {error.message}]"


async def _read(reply: Reply) -> Whole:
    try:
        parts = [part async for part in reply.body()]
    finally:
        await reply.close()
    body = b"".join(parts)
    headers = tuple(pair for pair in reply.headers if pair[0] not in _FRAMING)
    length = (b"content-length", str(len(body)).encode())
    return Whole(reply.status, (*headers, length), (body,))


def _answer(whole: Whole) -> dict[str, Any] | None:
    """What an upstream said, where it is an answer that can be read."""
    if whole.status != 200:
        return None
    try:
        answer = json.loads(whole.parts[0])
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _told(
    form: str,
    whole: Whole,
    answer: Mapping[str, Any],
    *,
    stream: bool,
    usage: bool,
    changed: bool,
) -> Whole:
    """The answer as its client asked for it; its bytes as they came, if they can stay."""
    if not stream and not changed:
        return whole
    headers = tuple(
        pair for pair in whole.headers if pair[0] not in (b"content-length", b"content-type")
    )
    if stream:
        kind = (b"content-type", b"text/event-stream; charset=utf-8")
        parts = tuple(replayed(form, answer, usage=usage))
        return Whole(whole.status, (*headers, kind), parts)
    body = json.dumps(answer).encode()
    length = (b"content-length", str(len(body)).encode())
    kind = (b"content-type", b"application/json")
    return Whole(whole.status, (*headers, kind, length), (body,))
