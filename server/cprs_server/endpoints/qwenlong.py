"""`POST /qwen_long_compress_server`: the form in which the authors of QwenLong-CPRS serve it, so
that what was written for their API works here as it stands.

A request is `{"header": {"request_id"}, "payload": {"input": {"messages"}, "parameters"}}` with
three messages: system (the instruction), user (the query), context (the text). The answer is the
request with `payload.output.text`, a list of spans, `payload.usage`, and in the header how it went.
What goes wrong is told there too, under HTTP status 200, as it is there; what this proxy adds (who
may ask, how much, how long) has the statuses of HTTP.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cprs import Decoding
from cprs_server.endpoints.own import PROBLEMS, Own, json_response, routes_of
from cprs_server.endpoints.wanted import job_of, options_of
from cprs_server.errors import ProxyError
from cprs_server.incoming import Incoming
from cprs_server.off_loop import LARGE
from cprs_server.running.base import Done

PATH = "/qwen_long_compress_server"

_ROLES = ("system", "user", "context")
_BAD_SCHEMA = 440
_MOST = 16
"""Spans that overlap so far that together they are so many times the text are joined."""


class Message(BaseModel):
    """One of the three."""

    model_config = ConfigDict(extra="allow", strict=True)

    role: str = ""
    content: str


class Input(BaseModel):
    """Instruction, query and text."""

    model_config = ConfigDict(extra="allow", strict=True)

    messages: list[Message] = Field(description="system, user, context: in this order.")


class Parameters(BaseModel):
    """What is not known here (chunk_size, batch_size, split_with_sent) is left aside: windows are
    the critic's matter."""

    model_config = ConfigDict(extra="allow", strict=True)

    min_keyword_len: int = Field(default=4, ge=0, description="Spans have more tokens than this.")
    complete_sentence: bool = Field(
        default=False, description="Spans are drawn out to whole sentences."
    )
    return_offset: bool = Field(
        default=False, description="Each span as [text, start, end], in code points."
    )
    critic: str | None = Field(
        default=None, description="A critic that the configuration names. Of this proxy alone."
    )


class Payload(BaseModel):
    """What is to be done."""

    model_config = ConfigDict(extra="allow", strict=True)

    input: Input
    parameters: Parameters = Parameters()


class Asked(BaseModel):
    """A request."""

    model_config = ConfigDict(extra="allow", strict=True)

    header: dict[str, Any] = {}
    payload: Payload


class Answer(BaseModel):
    """The request with what came of it."""

    header: dict[str, Any] = Field(
        description="As sent, with status_code, status_name, status_message and finished."
    )
    payload: dict[str, Any] = Field(description="As sent, with output.text and usage.")

    model_config = ConfigDict(extra="allow")


_EXAMPLE = {
    "header": {"request_id": "1111abca"},
    "payload": {
        "input": {
            "messages": [
                {"role": "system", "content": "Extract the facts. Tag them with 'fact'."},
                {"role": "user", "content": "Who chaired the meeting?"},
                {"role": "context", "content": "Ann chaired the meeting. Lunch was late."},
            ]
        },
        "parameters": {"min_keyword_len": 1, "complete_sentence": False},
    },
}
_SCHEMA = {
    "type": "object",
    "description": (
        "header.request_id; payload.input.messages: system (the instruction), user (the query), "
        "context (the text); payload.parameters: min_keyword_len (4: spans have more tokens), "
        "complete_sentence (false), return_offset (false: else each span is [text, start, end] in "
        "code points), and of this proxy alone critic, one that the configuration names. What is "
        "wrong with it is told in the answer's header."
    ),
}


def qwenlong_router(own: Own) -> APIRouter:
    """The router of that form."""
    router = APIRouter(tags=["compression"], route_class=routes_of(own, untyped=True))

    # The body is not one of FastAPI's, which refuses those that do not say that they are JSON.
    @router.post(
        PATH,
        summary="Make a text shorter, as the authors of QwenLong-CPRS serve it",
        response_model=Answer,
        responses=PROBLEMS,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _SCHEMA, "example": _EXAMPLE}},
            }
        },
    )
    async def compress(request: Request) -> Response:
        """Keeps of the context what the critic's tags mark under the instruction and the query."""
        asked = own.asked(request)
        data = await request.json()
        try:
            answer = await _answer(own, asked, data)
        except _Refused as refused:
            answer = _failed(data, refused)
        length = int(request.headers.get("content-length", LARGE + 1))
        return await json_response(Answer.model_validate(answer), size=length)

    return router


class _Refused(Exception):
    """A request that this form has an answer for."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name


async def _answer(own: Own, asked: Incoming, data: dict[str, Any]) -> dict[str, Any]:
    try:
        wanted = Asked.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise _Refused(400, "InvalidInputError", f"{place}: {first['msg']}") from None
    messages = wanted.payload.input.messages
    roles = tuple(message.role for message in messages)
    if len(messages) != len(_ROLES) or not any(a == b for a, b in zip(roles, _ROLES, strict=True)):
        raise _Refused(
            _BAD_SCHEMA, "SchemaError", "give three messages, in this order: system, user, context"
        )
    instruction, query, text = (message.content for message in messages)
    if not text.strip():
        return _finished(asked, data, [], 0)
    done = await _run(own, asked, wanted.payload.parameters, (instruction, query, text))
    spans = _spans(done, len(text))
    if wanted.payload.parameters.return_offset:
        told: list[Any] = [[text[a:b].strip(), a, b] for a, b in spans]
    else:
        told = [text[a:b].strip() for a, b in spans]
    return _finished(asked, data, told, done.tokens_in)


async def _run(own: Own, asked: Incoming, how: Parameters, said: tuple[str, str, str]) -> Done:
    instruction, query, text = said
    live = own.live()
    options = options_of({"query": query, "instruction": instruction or None}, asked, live)
    job = job_of(
        [text],
        options,
        critic=how.critic or live.settings.critic,
        decoding=Decoding(how.min_keyword_len, how.complete_sentence),
    )
    try:
        done = await own.runner.run(job, deadline=own.deadline)
    except ProxyError as error:
        if error.status == 400:
            raise _Refused(400, "InvalidInputError", error.message) from error
        if error.status == 500:
            raise _Refused(500, "BackendError", error.message) from error
        raise
    own.limits.adjust(asked.key, done.tokens_out)
    return done


def _spans(done: Done, length: int) -> list[tuple[int, int]]:
    """The spans of the one text, `length` code points long: as its tags were decoded, or units
    that stand side by side in one."""
    if done.decoded is None:
        return _joined([(span.start, span.end) for span in done.spans])
    spans = [(span.start, span.end) for span in done.decoded]
    if sum(end - start for start, end in spans) > _MOST * length:
        return _joined(spans)
    return spans


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that touch or overlap made one. Their starts rise."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            start, last = joined.pop()
            end = max(last, end)
        joined.append((start, end))
    return joined


def _finished(
    asked: Incoming, data: dict[str, Any], text: list[Any], tokens: int
) -> dict[str, Any]:
    return {
        **data,
        "header": {
            "request_id": asked.id,
            **_part(data, "header"),
            "status_code": 200,
            "status_name": "Success",
            "status_message": "Success",
            "finished": True,
        },
        "payload": {
            **_part(data, "payload"),
            "output": {"text": text},
            "usage": {"input_tokens": tokens},
        },
    }


def _failed(data: dict[str, Any], refused: _Refused) -> dict[str, Any]:
    return {
        **data,
        "header": {
            **_part(data, "header"),
            "status_code": refused.status,
            "status_name": refused.name,
            "status_message": str(refused),
        },
        "payload": {
            **_part(data, "payload"),
            "output": {"is_match": False},
            "usage": {"input_tokens": -1, "output_tokens": -1},
        },
    }


def _part(data: dict[str, Any], name: str) -> dict[str, Any]:
    part = data.get(name)
    return part if isinstance(part, dict) else {}
