"""`GET /v1/compressions/{id}`: what was done to a request, and why."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from cprs_server.endpoints.own import PROBLEMS, Own, Problem, json_response, routes_of
from cprs_server.errors import ProxyError
from cprs_server.keeping import owner_of


class Kept(BaseModel):
    """What is known of a compression; of its texts, only where they are and what was kept."""

    model_config = ConfigDict(extra="allow")

    id: str
    decision: str
    reason: str
    tokens_in: int
    tokens_out: int
    pieces: list[dict[str, Any]] = Field(
        default=[], description="Ranges of the request's texts that were compressed."
    )
    runs: list[dict[str, Any]] = Field(
        default=[], description="What was run, with the spans that were kept."
    )


def compressions_router(own: Own) -> APIRouter:
    """The router of `GET /v1/compressions/{id}`."""
    router = APIRouter(tags=["compression"], route_class=routes_of(own))

    @router.get(
        "/v1/compressions/{id}",
        summary="What was done to a request",
        response_model=Kept,
        responses={
            **PROBLEMS,
            404: {"model": Problem, "description": "Not kept, no longer kept, or another's."},
        },
    )
    async def compression(
        request: Request, id: Annotated[str, Path(description="From the header x-cprs-id.")]
    ) -> Response:
        """Plan and spans of a compression, for whoever asked for it."""
        asked = own.asked(request)
        record = await asyncio.to_thread(own.store.record, id, owner=owner_of(asked))
        if record is None:
            raise ProxyError(
                404,
                "no compression of this id is kept: it is unknown here, too old, or another's",
                code="not_found",
            )
        return await json_response(Kept.model_validate(record), size=1 << 20)

    return router
