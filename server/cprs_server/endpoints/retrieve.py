"""`GET /v1/retrieve/{hash}`: the whole of a text that something was left out of."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from cprs_server.endpoints.own import PROBLEMS, Own, Problem, json_response, routes_of
from cprs_server.endpoints.wanted import job_of, options_of
from cprs_server.errors import ProxyError
from cprs_server.keeping import owner_of

_BUDGET = 4096


class Original(BaseModel):
    """A text as it was, or the part of it that a query asks for."""

    hash: str
    original_content: str
    whole: bool = Field(description="False where a query chose a part.")


def retrieve_router(own: Own) -> APIRouter:
    """The router of `GET /v1/retrieve/{hash}`."""
    router = APIRouter(tags=["compression"], route_class=routes_of(own))

    @router.get(
        "/v1/retrieve/{hash}",
        summary="Get dropped text back",
        response_model=Original,
        responses={
            **PROBLEMS,
            404: {"model": Problem, "description": "Not kept, no longer kept, or another's."},
        },
    )
    async def retrieve(
        request: Request,
        hash: Annotated[str, Path(description="24 hex digits, from a marker.")],
        query: Annotated[
            str, Query(description="Get only what this asks for.", max_length=20_000)
        ] = "",
        budget: Annotated[
            int, Query(ge=1, description="Tokens, where there is a query.")
        ] = _BUDGET,
    ) -> Response:
        """The original of a marker, for whoever had it compressed."""
        asked = own.asked(request)
        text = own.store.text(hash, owner=owner_of(asked))
        if text is None:
            raise ProxyError(
                404,
                "nothing is kept under this hash: it is unknown here, too old, or another's",
                code="not_found",
            )
        whole = True
        if query.strip() and text.strip():
            live = own.live()
            options = options_of({"query": query, "budget": budget}, asked, live)
            job = job_of([text], options, critic=live.settings.critic)
            done = await own.runner.run(job, deadline=own.deadline)
            whole = done.texts[0] == text
            text = done.texts[0]
        own.limits.adjust(asked.key, len(text) // 4)
        said = Original(hash=hash, original_content=text, whole=whole)
        return await json_response(said, size=len(text))

    return router
