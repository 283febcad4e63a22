"""`POST /api/compress/question-specific/`: a context and its question, as gateways that speak the
Compresr form send them, one or many at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from cprs_server.endpoints.own import PROBLEMS, Own, json_response, routes_of
from cprs_server.endpoints.wanted import job_of, options_of
from cprs_server.errors import ProxyError
from cprs_server.incoming import Incoming
from cprs_server.running.base import Done, Job

_PATH = "/api/compress/question-specific"


class How(BaseModel):
    """How far to compress. What is not known here is left aside."""

    model_config = ConfigDict(extra="ignore", strict=True)

    compression_model_name: str = Field(default="", description="Taken as said and left aside.")
    target_compression_ratio: float | None = Field(
        default=None,
        ge=0,
        description="Up to 1: the share to leave out; above 1: how many times shorter.",
    )
    coarse: bool = Field(default=False, description="Whole paragraphs are kept or dropped.")
    dynamic: bool = Field(
        default=False, description="The critic decides how far, whatever the target says."
    )
    dynamic_min_ratio: float | None = Field(
        default=None, ge=0, description="At least so far, as target_compression_ratio."
    )
    dynamic_max_ratio: float | None = Field(
        default=None, ge=0, description="At most so far, as target_compression_ratio."
    )


class Context(BaseModel):
    """A text and the question it is to answer."""

    model_config = ConfigDict(extra="ignore", strict=True)

    context: str
    query: str = Field(min_length=1)


class One(How, Context):
    """One context."""

    model_config = ConfigDict(
        extra="ignore",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "context": "Ann chaired the meeting. Lunch was late.",
                    "query": "Who chaired the meeting?",
                    "target_compression_ratio": 0.5,
                }
            ]
        },
    )


class Many(How):
    """Many contexts, each with its own question."""

    inputs: list[Context] = Field(min_length=1, max_length=1000)


class Shorter(BaseModel):
    """A context made shorter."""

    compressed_context: str
    original_tokens: int
    compressed_tokens: int
    actual_compression_ratio: float = Field(description="The share that was left out.")
    tokens_saved: int
    duration_ms: int


class Shorters(BaseModel):
    """The same for each input, in their order."""

    results: list[Shorter]
    count: int
    total_original_tokens: int
    total_compressed_tokens: int
    total_tokens_saved: int


class OneDone(BaseModel):
    """The answer for one."""

    success: Literal[True] = True
    data: Shorter


class ManyDone(BaseModel):
    """The answer for many."""

    success: Literal[True] = True
    data: Shorters


def compresr_router(own: Own) -> APIRouter:
    """The router of that form, each path with and without a slash at its end."""
    router = APIRouter(tags=["compression"], route_class=routes_of(own))

    async def one(request: Request, wanted: Annotated[One, Body()]) -> Response:
        """Keeps of a context what its question asks for."""
        (done,) = await _run(own, own.asked(request), [wanted], wanted)
        return await json_response(OneDone(data=done), size=len(done.compressed_context))

    async def many(request: Request, wanted: Annotated[Many, Body()]) -> Response:
        """Keeps of each context what its question asks for."""
        done = await _run(own, own.asked(request), wanted.inputs, wanted)
        said = Shorters(
            results=done,
            count=len(done),
            total_original_tokens=sum(each.original_tokens for each in done),
            total_compressed_tokens=sum(each.compressed_tokens for each in done),
            total_tokens_saved=sum(each.tokens_saved for each in done),
        )
        size = sum(len(each.compressed_context) for each in done)
        return await json_response(ManyDone(data=said), size=size)

    for path, endpoint, model, summary in (
        (_PATH, one, OneDone, "Make a context shorter for a question"),
        (f"{_PATH}/batch", many, ManyDone, "Make many contexts shorter"),
    ):
        for slash, shown in (("/", path == _PATH), ("", path != _PATH)):
            router.add_api_route(
                path + slash,
                endpoint,
                methods=["POST"],
                response_model=model,
                responses=PROBLEMS,
                summary=summary,
                include_in_schema=shown,
            )
    return router


async def _run(own: Own, asked: Incoming, inputs: list[Context], how: How) -> list[Shorter]:
    jobs = [_job(own, asked, each, how) for each in inputs]
    some = [number for number, each in enumerate(inputs) if each.context.strip()]
    done = await own.runner.run_all([jobs[n] for n in some], deadline=own.deadline)
    if how.dynamic:
        done = await _bounded(own, [jobs[n] for n in some], done, how)
    own.limits.adjust(asked.key, sum(each.tokens_out for each in done))
    found = {n: _shorter(each) for n, each in zip(some, done, strict=True)}
    return [found.get(n) or _nothing(each.context) for n, each in enumerate(inputs)]


def _job(own: Own, asked: Incoming, context: Context, how: How) -> Job:
    said = {
        "query": context.query,
        "granularity": "paragraph" if how.coarse else None,
        "ratio": None if how.dynamic else _times(how.target_compression_ratio),
    }
    live = own.live()
    return job_of([context.context], options_of(said, asked, live), critic=live.settings.critic)


async def _bounded(own: Own, jobs: list[Job], done: list[Done], how: How) -> list[Done]:
    """The same, where the critic went further than it may or less far than it must, with a budget
    at that bound. What was read is not read again."""
    least, most = _times(how.dynamic_min_ratio), _times(how.dynamic_max_ratio)
    if least is not None and most is not None and least > most:
        raise ProxyError(400, "dynamic_min_ratio is above dynamic_max_ratio", code="invalid_option")
    again: dict[int, Job] = {}
    for number, (job, one) in enumerate(zip(jobs, done, strict=True)):
        ratio = one.tokens_in / max(1, one.tokens_out)
        bound = least if least and ratio < least else most if most and ratio > most else None
        if bound is not None:
            again[number] = _with_ratio(job, bound)
    later = await own.runner.run_all(list(again.values()), deadline=own.deadline)
    better = dict(zip(again, later, strict=True))
    return [better.get(number, one) for number, one in enumerate(done)]


def _with_ratio(job: Job, ratio: float) -> Job:
    """`job`, `ratio` times shorter whatever the scores."""
    return replace(job, budget=None, options=replace(job.options, ratio=ratio, threshold=None))


def _times(ratio: float | None) -> float | None:
    """How many times shorter: up to 1 it is the share to leave out."""
    if ratio is None or ratio > 1:
        return ratio
    # All of it cannot be left out: a thousandth stays.
    return 1 / max(0.001, 1 - ratio)


def _shorter(done: Done) -> Shorter:
    return Shorter(
        compressed_context="\n\n".join(filter(None, done.texts)),
        original_tokens=done.tokens_in,
        compressed_tokens=done.tokens_out,
        actual_compression_ratio=1 - done.tokens_out / max(1, done.tokens_in),
        tokens_saved=done.tokens_in - done.tokens_out,
        duration_ms=round(1000 * (done.seconds + done.waited)),
    )


def _nothing(context: str) -> Shorter:
    """Of a blank context."""
    return Shorter(
        compressed_context=context,
        original_tokens=0,
        compressed_tokens=0,
        actual_compression_ratio=0.0,
        tokens_saved=0,
        duration_ms=0,
    )
