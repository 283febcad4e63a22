"""`POST /v1/plan`: what would be done to a request. Nothing is compressed, nothing forwarded."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import BaseModel, Field

from cprs_server.asking import Asking, planned, understand
from cprs_server.endpoints.own import PROBLEMS, Own, json_response, routes_of
from cprs_server.keeping import piece_of
from cprs_server.wire.forms import FORMS

FormName = Literal["chat", "completions", "responses", "messages"]

_EXAMPLE = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "A long text ...\n\nWho chaired the meeting?"}],
}


class PieceOut(BaseModel):
    """Code points [start, end) of the string at `path`, to be compressed."""

    path: list[str | int]
    kind: str
    start: int
    end: int
    query: str = Field(description="The question it is compressed by.")
    tokens: int
    format: str | None
    name: str
    kept_from_before: bool = Field(description="Its compressed form is known already.")


class TargetOut(BaseModel):
    """The model that would read it."""

    model: str
    window: int | None
    tokenizer: str
    price: float | None
    cached_price: float | None


class PlanOut(BaseModel):
    """What would be done, and why."""

    form: str
    decision: str = Field(description='"compress", "forward" or "refuse".')
    reason: str = Field(description="A stable word.")
    upstream: str
    critic: str
    target: TargetOut
    tokens_in: int = Field(description="Of the whole prompt; 0 where it need not be counted.")
    tokens_exact: bool = Field(description="False for an estimate, which errs high.")
    room: int | None = Field(description="Tokens of prompt that the target has room for.")
    budget: int | None = Field(description="Tokens for all pieces together.")
    pieces: list[PieceOut]
    options: dict[str, Any]
    notes: list[str]


def plan_router(own: Own) -> APIRouter:
    """The router of `POST /v1/plan`."""
    router = APIRouter(tags=["compression"], route_class=routes_of(own))

    @router.post(
        "/v1/plan",
        summary="What would be done to a request",
        response_model=PlanOut,
        responses=PROBLEMS,
    )
    async def plan(
        request: Request,
        body: Annotated[
            dict[str, Any],
            Body(description="The request, as it would be sent.", examples=[_EXAMPLE]),
        ],
        form: Annotated[
            FormName | None, Query(description="Of which API it is; by default it is guessed.")
        ] = None,
    ) -> Response:
        """The plan for a request, with the same headers and `cprs` field as the request itself."""
        asked = own.asked(request)
        name = form or _guess(body)
        raw = await request.body()
        live = own.live()
        asking = await asyncio.to_thread(
            lambda: planned(understand(raw, FORMS[name], asked, live), asked, own.planner)
        )
        return await json_response(plan_out(asking), size=200 * len(asking.plan.pieces))

    return router


def plan_out(asking: Asking) -> PlanOut:
    """A plan as it is told."""
    plan, conversation = asking.plan, asking.conversation
    return PlanOut(
        form=conversation.form,
        decision=plan.decision,
        reason=plan.reason,
        upstream=asking.routed.name,
        critic=asking.routed.route.critic,
        target=TargetOut(**asdict(plan.target)),
        tokens_in=plan.tokens_in,
        tokens_exact=plan.exact,
        room=plan.room,
        budget=plan.budget,
        pieces=[PieceOut(**piece_of(conversation, piece)) for piece in plan.pieces],
        options=asdict(plan.options),
        notes=list(plan.notes),
    )


def _guess(body: dict[str, Any]) -> FormName:
    """The form that a body looks like."""
    if "input" in body or "previous_response_id" in body:
        return "responses"
    if "prompt" in body:
        return "completions"
    blocks = [
        block.get("type")
        for message in body.get("messages") or ()
        if isinstance(message, dict) and isinstance(message.get("content"), list)
        for block in message["content"]
        if isinstance(block, dict)
    ]
    anthropic = "system" in body or {"document", "tool_result", "tool_use"} & set(map(str, blocks))
    return "messages" if anthropic else "chat"
