"""GET /v1/models and /v1/models/{id}: the upstreams' models, and the names that stand for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from cprs_server.config.settings import EXTRACT, Key, Upstream
from cprs_server.endpoints.listing import Model, listed, models_of, named
from cprs_server.errors import ProxyError
from cprs_server.routing import ALIAS, Router
from cprs_server.upstream.base import Call, Headers, Transport
from cprs_server.upstream.headers import request_headers, response_headers
from cprs_server.urls import upstream_url

PATH = "/v1/models"
_MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: the routes of the settings in force, the client's key and headers, and `own`,
    whether its credentials are for this proxy and so for no upstream."""

    router: Router
    key: Key | None
    headers: Headers
    own: bool = False

    @property
    def anthropic(self) -> bool:
        """Whether the client reads Anthropic's form; it says so by a header of its own."""
        return any(name == b"anthropic-version" for name, _ in self.headers)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an upstream said. `headers` as they go on to the client."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Models:
    """Asks upstreams for their models, all at a time, each within `seconds`."""

    def __init__(self, transport: Transport, *, seconds: float = 10.0) -> None:
        self._transport = transport
        self._seconds = seconds

    async def all(self, asker: Asker, query: str = "") -> Fetched:
        """The models of every upstream that this client can reach, as far as they are routed there,
        each by its name and by "cprs/" and its name; then the names that routes give themselves.

        The client's own credentials go to one upstream at most: where a request without a model
        would go. Upstreams that fail are left out, unless there is no other: then the client gets
        the failure.
        """
        upstreams = [each for each in asker.router.upstreams(asker.key) if _may_ask(asker, *each)]
        fetched = await asyncio.gather(
            *(self._fetch(asker, upstream, PATH, query) for _, upstream in upstreams),
            return_exceptions=True,
        )
        models: list[Model] = []
        failed: list[Fetched | ProxyError] = []
        more = False
        for (name, _), said in zip(upstreams, fetched, strict=True):
            if isinstance(said, BaseException):
                if not isinstance(said, ProxyError):
                    raise said
                failed.append(said)
                continue
            found = models_of(said.body) if said.status == 200 else None
            if found is None:
                failed.append(said)
                continue
            more = more or b'"has_more":true' in said.body.replace(b" ", b"")
            for model in found:
                if _goes_to(asker, model["id"], name):
                    models.append(named(model["id"], anthropic=asker.anthropic, like=model))
        if failed and len(failed) == len(upstreams) == 1:
            return _failure(failed[0])
        if not ("after_id=" in query or "before_id=" in query):
            models += self._aliases(asker, models)
        body = listed(models, anthropic=asker.anthropic, more=more)
        return Fetched(200, [(b"content-type", b"application/json")], body)

    async def one(self, asker: Asker, model: str, query: str = "") -> Fetched:
        """One model by the name the client gave it. Raises `ProxyError` (404, 502, 504)."""
        routed = asker.router.route(model, None, asker.key)
        json_type = [(b"content-type", b"application/json")]
        if routed.upstream is None:
            if model not in (EXTRACT, ALIAS + EXTRACT, *asker.router.models()):
                raise ProxyError(404, f"no model {model!r} here", code="model_not_found")
            return Fetched(200, json_type, _dumped(named(model, anthropic=asker.anthropic)))
        path = f"{PATH}/{quote(routed.target.model, safe='')}"
        said = await self._fetch(asker, routed.upstream, path, query)
        if said.status != 200 or routed.target.model == model:
            return said
        try:
            like = json.loads(said.body)
        except (ValueError, RecursionError):
            return said
        if not isinstance(like, dict):
            return said
        return Fetched(200, json_type, _dumped(named(model, anthropic=asker.anthropic, like=like)))

    def _aliases(self, asker: Asker, models: list[Model]) -> list[Model]:
        aliases = [
            named(ALIAS + model["id"], anthropic=asker.anthropic, like=model)
            for model in models
            if not model["id"].startswith(ALIAS)
        ]
        names = asker.router.models()
        if asker.key is not None and asker.key.upstream is not None:
            names = [name for name in names if _goes_to(asker, name, asker.key.upstream)]
        return aliases + [named(name, anthropic=asker.anthropic) for name in names]

    async def _fetch(self, asker: Asker, upstream: Upstream, path: str, query: str) -> Fetched:
        headers = request_headers(
            asker.headers, upstream, body=None, keep_auth=not asker.own, identity=True
        )
        url = upstream_url(upstream, path, query)
        call = Call("GET", url, headers, None, first_byte=self._seconds)
        try:
            return await asyncio.wait_for(self._read(call), self._seconds)
        except asyncio.TimeoutError:
            raise ProxyError(
                504, "the upstream's list of models took too long", code="upstream_timeout"
            ) from None

    async def _read(self, call: Call) -> Fetched:
        reply = await self._transport.send(call)
        try:
            parts: list[bytes] = []
            size = 0
            async for part in reply.body():
                size += len(part)
                if size > _MOST_BYTES:
                    raise ProxyError(
                        502, "the upstream's list of models is too long", code="upstream_too_large"
                    )
                parts.append(part)
        finally:
            await reply.close()
        return Fetched(
            reply.status, response_headers(reply.headers, same_length=False), b"".join(parts)
        )


def models_router(models: Models, asker: Callable[[Request], Asker]) -> APIRouter:
    """The two endpoints. `asker` tells who asks, raising `ProxyError` (401) where it may not."""
    router = APIRouter(tags=["models"])

    @router.get(PATH, summary="Models of the upstreams, and aliases")
    async def every(request: Request) -> Response:
        return _response(await models.all(asker(request), _query(request)))

    @router.get(PATH + "/{model:path}", summary="One model")
    async def one(request: Request, model: str) -> Response:
        return _response(await models.one(asker(request), model, _query(request)))

    return router


def _may_ask(asker: Asker, name: str, upstream: Upstream) -> bool:
    """A client's credentials are for one host, and a list of models names none."""
    if asker.own or upstream.api_key is not None or upstream.auth == "none":
        return True
    return _goes_to(asker, "", name)


def _goes_to(asker: Asker, model: str, upstream: str) -> bool:
    try:
        return asker.router.route(model, None, asker.key).name == upstream
    except ProxyError:
        return False


def _failure(failed: Fetched | ProxyError) -> Fetched:
    if isinstance(failed, ProxyError):
        raise failed
    if failed.status == 200:
        raise ProxyError(
            502, "the upstream's list of models is not one", code="upstream_not_models"
        )
    return failed


def _dumped(model: Model) -> bytes:
    return json.dumps(model, ensure_ascii=False).encode()


def _query(request: Request) -> str:
    return bytes(request.scope["query_string"]).decode("latin-1")


def _response(fetched: Fetched) -> Response:
    response = Response(fetched.body, fetched.status)
    # As they came, repeated ones included; the length is this body's.
    length = (b"content-length", b"%d" % len(fetched.body))
    kept = [h for h in fetched.headers if h[0] != b"content-length"]
    response.raw_headers = [*kept, length]
    return response
