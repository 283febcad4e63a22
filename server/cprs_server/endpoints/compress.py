"""`POST /v1/compress`: a text, several texts, or the messages of a chat, made shorter."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic.config import JsonDict

from cprs_server.endpoints.headroom import Messages, MessagesDone, compress_messages
from cprs_server.endpoints.own import PROBLEMS, Own, json_response, routes_of
from cprs_server.endpoints.wanted import CRITIC, Wanted, job_of, options_of
from cprs_server.errors import ProxyError
from cprs_server.incoming import Incoming
from cprs_server.keeping import owner_of
from cprs_server.running.base import Done, Job

_EXAMPLE: JsonDict = {
    "text": "Ann chaired the meeting. Lunch was late. The budget was approved.",
    "query": "Who chaired the meeting?",
    "budget": 16,
}


class OneText(Wanted):
    """One text to make shorter."""

    text: str = Field(min_length=1)
    format: str | None = Field(
        default=None, description='"text", "json", "python", ...; detected by default.'
    )
    name: str = Field(default="", description="A file name, which helps to detect the format.")
    critic: str | None = Field(default=None, description=CRITIC)
    recoverable: bool = Field(
        default=False, description="Keep the original for a while, for GET /v1/retrieve/{hash}."
    )

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [_EXAMPLE]}
    )


class Named(BaseModel):
    """A text among several."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str
    format: str | None = None
    name: str = ""


class Texts(Wanted):
    """Several texts that share one budget."""

    texts: list[str | Named] = Field(min_length=1, max_length=10_000)
    critic: str | None = Field(default=None, description=CRITIC)
    recoverable: bool = Field(
        default=False, description="Keep the originals for a while, for GET /v1/retrieve/{hash}."
    )


class SpanOut(BaseModel):
    """What was kept: code points [start, end) of text number `document`."""

    start: int
    end: int
    score: float
    label: str | None
    document: int


class Compression(BaseModel):
    """A short context, and where every piece of it came from."""

    id: str
    text: str = Field(description="What was kept of all texts, an empty line between two.")
    texts: list[str] = Field(description="What was kept of each.")
    spans: list[SpanOut]
    tokens_in: int
    tokens_out: int
    ratio: float = Field(description="Tokens in / tokens out: 16 is sixteen times shorter.")
    seconds: float
    waited: float = Field(description="Seconds in the queue.")
    critic: str
    timings: dict[str, float] = Field(description="Seconds per stage.")
    warnings: list[str]
    hashes: list[str | None] = Field(
        default=[], description="Of recoverable originals, for GET /v1/retrieve/{hash}."
    )


def _kind(value: Any) -> str:
    for kind in ("messages", "texts"):
        if isinstance(value, dict) and kind in value:
            return kind
    kinds = {Messages: "messages", Texts: "texts"}
    return next((name for cls, name in kinds.items() if isinstance(value, cls)), "text")


Asked = Annotated[
    Annotated[OneText, Tag("text")]
    | Annotated[Texts, Tag("texts")]
    | Annotated[Messages, Tag("messages")],
    Discriminator(_kind),
]


def compress_router(own: Own) -> APIRouter:
    """The router of `POST /v1/compress`."""
    router = APIRouter(tags=["compression"], route_class=routes_of(own))

    @router.post(
        "/v1/compress",
        summary="Make texts or messages shorter",
        response_model=Compression | MessagesDone,
        responses=PROBLEMS,
    )
    async def compress(request: Request, wanted: Annotated[Asked, Body()]) -> Response:
        """Keeps what a query or an instruction asks for.

        With `text` or `texts`: verbatim spans of them, each with its place. With `messages`: the
        messages with their long texts made shorter, each by the question that it answers.
        """
        asked = own.asked(request)
        if isinstance(wanted, Messages):
            done = await compress_messages(own, asked, wanted)
            return await json_response(done, size=done.tokens_after * 4)
        return await _texts(own, asked, wanted)

    return router


async def _texts(own: Own, asked: Incoming, wanted: OneText | Texts) -> Response:
    live = own.live()
    options = options_of(wanted.guidance(), asked, live)
    texts = _named(wanted)
    if not any(text.text.strip() for text in texts):
        raise ProxyError(400, "the text is empty: there is nothing to compress", code="no_text")
    job = job_of(
        [text.text for text in texts],
        options,
        model=wanted.model,
        formats=[text.format for text in texts],
        names=[text.name for text in texts],
        critic=wanted.critic or live.settings.critic,
    )
    done = await own.runner.run(job, deadline=own.deadline)
    own.limits.adjust(asked.key, done.tokens_out)
    owner = owner_of(asked)
    hashes: list[str | None] = []
    if wanted.recoverable:
        hashes = [own.store.keep_text(text, owner=owner) for text in job.texts]
    found = _compression(asked.id, done, hashes)
    own.store.keep_record(asked.id, _record(found, job), owner=owner)
    return await json_response(found, size=100 * len(found.spans) + len(found.text))


def _named(wanted: OneText | Texts) -> list[Named]:
    if isinstance(wanted, OneText):
        return [Named(text=wanted.text, format=wanted.format, name=wanted.name)]
    return [Named(text=text) if isinstance(text, str) else text for text in wanted.texts]


def _compression(id: str, done: Done, hashes: list[str | None]) -> Compression:
    return Compression(
        id=id,
        text="\n\n".join(filter(None, done.texts)),
        texts=list(done.texts),
        spans=[
            SpanOut(start=s.start, end=s.end, score=s.score, label=s.label, document=s.document)
            for s in done.spans
        ],
        tokens_in=done.tokens_in,
        tokens_out=done.tokens_out,
        ratio=done.tokens_in / max(1, done.tokens_out),
        seconds=done.seconds,
        waited=done.waited,
        critic=done.critic,
        timings=dict(done.timings),
        warnings=list(done.warnings),
        hashes=hashes,
    )


def _record(found: Compression, job: Job) -> dict[str, Any]:
    """What is kept of it: no text but the question."""
    return {
        **found.model_dump(exclude={"text", "texts"}),
        "decision": "compress",
        "reason": "asked",
        "query": job.query,
        "budget": job.budget,
        "made": int(time.time()),
    }
