"""One request from its first byte to the last byte of its answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from cprs_server.access.limits import Limits
from cprs_server.account import Account, Begun
from cprs_server.asking import Asking, planned, understand
from cprs_server.calls import calls_of, traced
from cprs_server.change import Change, carry_out
from cprs_server.errors import ProxyError
from cprs_server.incoming import Incoming, new_id
from cprs_server.keeping import owner_of
from cprs_server.live import Live
from cprs_server.observe.access_log import AccessLog
from cprs_server.observe.logs import log_fault
from cprs_server.observe.metrics import Metrics
from cprs_server.observe.tracing import Tracer
from cprs_server.off_loop import LARGE, off_loop
from cprs_server.planning.base import Plan
from cprs_server.planning.planner import Planner
from cprs_server.reasoner.edit import answer_edit
from cprs_server.retrieve_tool import Back, RetrieveTool
from cprs_server.running.base import Job, Runner
from cprs_server.shadowing import Shadowing
from cprs_server.sockets import answer_socket
from cprs_server.telling import headers_of, id_header, refuse, usage_of
from cprs_server.upstream.base import Call, Headers, Reply, Transport
from cprs_server.upstream.body import read_body
from cprs_server.upstream.disconnect import ClientGone, DisconnectWatch, Receive
from cprs_server.upstream.extract import Extract, ExtractReply
from cprs_server.upstream.relay import Edit, Send, relay
from cprs_server.upstream.retry import send_with_fallback
from cprs_server.upstream.websocket import WebSocketTransport
from cprs_server.wire.base import Conversation, Form
from cprs_server.wire.body import parse
from cprs_server.wire.forms import wants_usage


class UpstreamTransport(Transport, WebSocketTransport, Protocol):
    """What sends calls and opens WebSockets."""


class Keeper(Protocol):
    """Keeps what was done to a request, for those who ask afterwards."""

    def keep(
        self, asked: Incoming, conversation: Conversation, plan: Plan, change: Change
    ) -> None: ...


@dataclass(frozen=True)
class Parts:
    """What an exchange is made with."""

    live: Callable[[], Live]
    planner: Planner
    runner: Runner
    transport: UpstreamTransport
    built_in: Extract
    keeper: Keeper
    limits: Limits
    metrics: Metrics
    log: AccessLog
    tracer: Tracer
    shadowing: Shadowing
    tool: RetrieveTool


class Exchange:
    """The ASGI application for all that is below /v1 and not our own."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens."""
        parts, id = self._parts, new_id()
        live, account, begun = parts.live(), Account(), Begun(send)
        asked: Incoming | None = None
        parts.metrics.active.inc()
        try:
            asked = Incoming.of(scope, live, id)
            if scope["type"] == "websocket":
                await self._told(asked, live, account, scope, receive, begun)
                return
            with parts.tracer.span("cprs.request", headers=asked.headers) as span:
                await self._told(asked, live, account, scope, receive, begun)
                parts.tracer.observe(account.record(asked), span)
        except ProxyError as error:
            await refuse(error, scope, account, begun, id)
        finally:
            parts.metrics.active.dec()
            record = account.record(asked or Incoming.unknown(scope, id))
            parts.metrics.observe(record)
            parts.log.write(record, asked.key.name if asked and asked.key else None, id)
            parts.log.content(id, **account.texts)

    async def _told(
        self,
        asked: Incoming,
        live: Live,
        account: Account,
        scope: MutableMapping[str, Any],
        receive: Receive,
        send: Begun,
    ) -> None:
        """Answer, or tell the client why not."""
        parts = self._parts
        try:
            if scope["type"] == "websocket":
                await answer_socket(
                    asked, live, account, scope, receive, send,
                    limits=parts.limits, transport=parts.transport,
                )  # fmt: skip
            else:
                await self._answer(asked, live, account, scope, receive, send)
        except ClientGone:
            account.error = "client_gone"
        except ProxyError as error:
            await refuse(error, scope, account, send, asked.id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told something
            log_fault(asked.id, error)
            fault = ProxyError(500, f"a fault of the proxy ({asked.id})", code="fault")
            await refuse(fault, scope, account, send, asked.id)

    async def _answer(
        self,
        asked: Incoming,
        live: Live,
        account: Account,
        scope: MutableMapping[str, Any],
        receive: Receive,
        send: Begun,
    ) -> None:
        account.rates = self._parts.limits.take(asked.key)
        limit = int(live.settings.limits.body_bytes)
        form = asked.form
        with account.stages.time("read"):
            body = await read_body(scope, receive, limit=limit, decode=form is not None)
        account.bytes_in = len(body)
        async with DisconnectWatch(receive) as watch:
            if form is None:
                await self._pass_on(asked, live, account, body, send, watch)
            else:
                await self._converse(asked, form, live, account, body, send, watch)

    async def _converse(
        self,
        asked: Incoming,
        form: Form,
        live: Live,
        account: Account,
        body: bytes,
        send: Begun,
        watch: DisconnectWatch,
    ) -> None:
        """A request of a form that is known: planned, compressed, sent on."""
        parts = self._parts
        with account.stages.time("plan"):
            asking = await self._planned(asked, form, live, body)
        plan, routed, conversation = asking.plan, asking.routed, asking.conversation
        account.plan, account.routed, account.conversation = plan, routed, conversation
        with account.stages.time("compress"):
            if routed.upstream is None:
                change, own = await self._extract(asked, form, live, asking)
            else:
                change, own = await self._carry_out(live, asking), None
        account.change = change
        account.stages.add("queue", sum(one.waited for one in change.done))
        parts.limits.adjust(asked.key, change.tokens_out)
        if change.done:
            await off_loop(len(body), lambda: self._remember(asked, asking, change))
        changed = body
        if own is None:
            with account.stages.time("splice"):
                changed = await off_loop(len(body), lambda: asking.changed(body, change))
        logged = parts.log.texts
        if logged:
            account.bodies = {"request": body, **({} if changed is body else {"sent": changed})}
        # Answers of reasoners are changed on their way: there is nothing like to compare them to.
        compared = bool(change.edits) and not asking.reasons and live.shadow.sample(asked.id)
        headers = headers_of(asked, plan, change, account)
        account.sent = time.perf_counter()
        if own is not None:
            account.upstream, reply = routed.name, own
        else:
            assert routed.upstream is not None
            # Into a stream that is packed nothing can be written, an error neither.
            told = asking.usage or asking.reasons or conversation.stream
            readable = told or compared or logged
            if live.settings.retrieve_tool and _offers(parts.tool, form, asking, change):
                reply = await self._with_tool(asked, form, live, asking, change, changed, account)
            else:
                calls = calls_of(asked, routed, changed, identity=readable)
                reply = await self._send(calls, routed.upstream.retries, account)
        edit = answer_edit(
            form.name,
            stream=conversation.stream,
            reasoner=asking.reasons,
            answer=asking.answer_only,
            usage=usage_of(asked, plan, change) if asking.usage else None,
        )
        if compared or logged:
            account.heard = bytearray()
        await self._relay(reply, account, send, watch, headers, form, edit)
        if compared and account.heard and account.status < 300 and not account.error:

            def twin() -> Call:
                original = asking.changed(body, replace(change, edits=()))
                return calls_of(asked, routed, original, identity=True)[0][1]

            parts.shadowing.start(twin, form=form.name, answer=bytes(account.heard))

    async def _with_tool(
        self,
        asked: Incoming,
        form: Form,
        live: Live,
        asking: Asking,
        change: Change,
        body: bytes,
        account: Account,
    ) -> Reply:
        """The answer of a model that may ask for what was left out."""
        plan, routed = asking.plan, asking.routed

        async def send(again: bytes) -> Reply:
            calls = calls_of(asked, routed, again, identity=True)
            return await self._send(calls, 0, account)

        left = None if plan.room is None else max(1, plan.room - change.tokens_out)
        job = Job(
            texts=(),
            query=plan.pieces[0].query,
            options=plan.options,
            tokenizer=plan.target.tokenizer,
            budget=left,
            critic=routed.route.critic,
        )
        return await self._parts.tool.exchange(
            form.name,
            json.loads(body),
            send,
            Back(owner_of(asked), job),
            usage=wants_usage(asking.value),
            deadline=live.settings.limits.deadline,
        )

    async def _carry_out(self, live: Live, asking: Asking) -> Change:
        routed, counting = asking.routed, self._parts.planner.counting
        return await carry_out(
            asking.plan,
            asking.conversation,
            self._parts.runner,
            count=lambda text: counting.count(text, routed.target.tokenizer).tokens,
            critic=routed.route.critic,
            deadline=live.settings.limits.deadline,
        )

    async def _extract(
        self, asked: Incoming, form: Form, live: Live, asking: Asking
    ) -> tuple[Change, Reply]:
        """The built-in backend's answer."""
        plan, conversation = asking.plan, asking.conversation
        found = await self._parts.built_in.answer(
            conversation,
            plan,
            id=asked.id,
            deadline=live.settings.limits.deadline,
            critic=asking.routed.route.critic,
        )
        change = Change(
            decision=plan.decision,
            reason=plan.reason,
            tokens_in=found.answer.tokens_in,
            tokens_out=found.answer.tokens_out,
            tokenizer=plan.target.tokenizer,
            pieces=found.groups,
            done=found.done,
        )
        reply = ExtractReply.of(
            form, found.answer, stream=conversation.stream, usage=wants_usage(asking.value)
        )
        return change, reply

    async def _planned(self, asked: Incoming, form: Form, live: Live, body: bytes) -> Asking:
        planner = self._parts.planner
        found = await off_loop(len(body), lambda: understand(body, form, asked, live))
        # To load a tokenizer holds others up as a long body does.
        loaded = planner.counting.has(found.routed.target.tokenizer)
        size = len(body) if loaded else max(len(body), LARGE + 1)
        return await off_loop(size, lambda: planned(found, asked, planner))

    def _remember(self, asked: Incoming, asking: Asking, change: Change) -> None:
        self._parts.keeper.keep(asked, asking.conversation, asking.plan, change)
        for group, one in zip(change.pieces, change.done, strict=True):
            for piece, text in zip(group, one.texts, strict=True):
                counting = self._parts.planner.counting
                tokens = counting.count(text, change.tokenizer).tokens
                self._parts.planner.remember(piece, text, tokens)

    async def _pass_on(
        self,
        asked: Incoming,
        live: Live,
        account: Account,
        body: bytes,
        send: Begun,
        watch: DisconnectWatch,
    ) -> None:
        """A request of no known form: to the upstream of its model, or the only one there is."""
        routed = live.router.route(_model_of(asked, body), None, asked.key)
        if routed.upstream is None:
            raise ProxyError(
                404,
                f"{asked.method} {asked.path} is nothing that {routed.name!r} answers; "
                "configure an upstream to pass it on to",
                code="not_found",
            )
        account.routed = routed
        account.sent = time.perf_counter()
        none = asked.method in ("GET", "HEAD", "DELETE", "OPTIONS") and not body
        calls = calls_of(asked, routed, None if none else body, decoded=False)
        reply = await self._send(calls, 0, account)
        await self._relay(reply, account, send, watch, id_header(asked), None, None)

    async def _send(self, calls: list[tuple[str, Call]], retries: int, account: Account) -> Reply:
        outgoing = self._parts.tracer.outgoing()
        with account.stages.time("upstream"):
            reply, number = await send_with_fallback(
                self._parts.transport,
                [traced(call, outgoing) for _, call in calls],
                retries=retries,
            )
        account.upstream, account.upstream_status = calls[number][0], reply.status
        return reply

    async def _relay(
        self,
        reply: Reply,
        account: Account,
        send: Begun,
        watch: DisconnectWatch,
        told: Headers,
        form: Form | None,
        edit: Edit | None,
    ) -> None:
        account.status = reply.status
        with account.stages.time("relay"):
            relayed = await relay(
                reply,
                send,
                watch=watch,
                extra_headers=(*told, *account.rates.headers()),
                on_chunk=account.note,
                stream_error=form.stream_error if form else None,
                ends=form.ends if form else None,
                edit=edit if reply.status < 300 else None,
            )
        if relayed.error is not None:
            account.error = relayed.error.code


def _offers(tool: RetrieveTool, form: Form, asking: Asking, change: Change) -> bool:
    """Whether there is anything to get back, and a tool to do it with."""
    marked = bool(change.edits) and asking.plan.options.markers
    return marked and tool.offers(form.name, asking.value)


def _model_of(asked: Incoming, body: bytes) -> str:
    """The model that a body of no known form names, if it is JSON and does."""
    if not body or b'"model"' not in body[:LARGE]:
        return ""
    try:
        model = parse(body).get("model")
    except ProxyError:
        return ""
    return model if isinstance(model, str) else ""
