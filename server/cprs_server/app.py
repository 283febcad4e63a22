"""The proxy as an ASGI application: our own endpoints, and everything else on its way through."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from cprs import __version__
from cprs.errors import CprsError
from cprs_server.access.guard import guard
from cprs_server.access.limits import Limits
from cprs_server.config.reload import Reload
from cprs_server.config.settings import Settings
from cprs_server.endpoints.health import Health, health_router
from cprs_server.endpoints.models import Asker, Models, models_router
from cprs_server.endpoints.own import Own
from cprs_server.endpoints.routers import compression_routers
from cprs_server.errors import ProxyError
from cprs_server.exchange import Exchange, Parts
from cprs_server.incoming import KNOWN_ENDPOINT, Incoming, new_id
from cprs_server.keeping import StoreKeeper
from cprs_server.live import Current, Live
from cprs_server.observe.access_log import AccessLog
from cprs_server.observe.metrics import Metrics
from cprs_server.observe.tracing import tracer
from cprs_server.observed import ASKED, ERROR, Observed, template_of
from cprs_server.planning.planner import Planner
from cprs_server.retrieve_tool import RetrieveTool
from cprs_server.running.service import Service
from cprs_server.shadowing import Shadowing
from cprs_server.store import Store
from cprs_server.upstream.disconnect import Receive
from cprs_server.upstream.extract import Extract
from cprs_server.upstream.relay import Send
from cprs_server.upstream.transport import HttpTransport
from cprs_server.wire.forms import PATHS, errors_at

Scope = MutableMapping[str, Any]

_OWN = ("/v1/models", "/v1/compress", "/v1/plan", "/v1/compressions/", "/v1/retrieve/")
"""Paths below /v1 that are ours."""


class Proxy:
    """Sends each request where it belongs. `own` has our endpoints and the lifespan."""

    def __init__(self, own: Observed, exchange: Exchange) -> None:
        self._own = own
        self._exchange = exchange

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI says."""
        path = scope.get("path", "")
        passing = path.startswith("/v1/") and not path.startswith(_OWN)
        if passing and scope["type"] in ("http", "websocket"):
            await self._exchange(scope, receive, send)
        else:
            await self._own(
                scope, receive, _in_a_line(send) if scope["type"] == "lifespan" else send
            )


def _in_a_line(send: Send) -> Send:
    """`send` of a lifespan that says why the proxy does not start, where it would tell a traceback
    of what the user can put right."""

    async def told(message: MutableMapping[str, Any]) -> None:
        error = sys.exc_info()[1]
        if message["type"] == "lifespan.startup.failed" and isinstance(error, CprsError):
            message = {**message, "message": str(error)}
        await send(message)

    return told


def create_app(
    settings: Settings, *, reload: Reload | None = None, service: Service | None = None
) -> Any:
    """The proxy under `settings`, or those that `reload` has at the time. `service`: what runs
    compressions, by default one of its own with the critics that routes name."""
    reload = reload or Reload(settings)
    metrics = Metrics(endpoints=PATHS)
    service = service or _service(settings)

    def know(live: Live) -> None:
        metrics.know(models=live.router.models(), upstreams=live.settings.upstreams)
        service.know(*_critics(live.settings))

    current = Current(lambda: reload.current, know)
    know(current())
    metrics.pool(
        waiting=lambda: service.status.waiting,
        running=lambda: service.status.running,
        fill=lambda: service.status.workers.fill,
    )
    reload.told = lambda ok: metrics.reloaded(ok=ok)
    transport = HttpTransport()
    tracing = tracer(settings.tracing.endpoint, sample=settings.tracing.sample)
    shadowing = Shadowing(transport, metrics)
    health = Health(draining=lambda: reload.draining)
    planner, limits = Planner(), Limits()
    store = Store(ttl=settings.store.ttl, max_bytes=int(settings.store.bytes))
    parts = Parts(
        live=current,
        planner=planner,
        runner=service,
        transport=transport,
        built_in=Extract(service),
        keeper=StoreKeeper(store),
        limits=limits,
        metrics=metrics,
        log=AccessLog(content=settings.log.content),
        tracer=tracing,
        shadowing=shadowing,
        tool=RetrieveTool(store, service),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        transport.start()
        await asyncio.gather(service.warm(), asyncio.to_thread(planner.counting.warm))
        health.started()
        yield
        await shadowing.close()
        await service.close()
        await transport.close()
        tracing.close()

    own = _own_api(lifespan)
    own.include_router(health_router(health, metrics, keys=lambda: current().keys))
    routers = [
        models_router(Models(transport), lambda request: _asker(request, current)),
        *compression_routers(Own(current, service, planner, store, limits)),
    ]
    for router in routers:
        own.include_router(router)
    templates = (template_of(route) for router in routers for route in router.routes)
    metrics.know_endpoints([*PATHS, KNOWN_ENDPOINT, *templates])
    proxy = Proxy(Observed(own, metrics, parts.log), Exchange(parts))
    return guard(proxy, settings.limits, cors=settings.cors)


def _own_api(lifespan: Any) -> FastAPI:
    api = FastAPI(
        title="cprs",
        version=__version__,
        description="Compresses long inputs on their way to any model.",
        lifespan=lifespan,
        redoc_url=None,
    )

    async def failed(request: Request, error: Exception) -> Response:
        return _error_response(request, error)

    for kind in (ProxyError, HTTPException, RequestValidationError, Exception):
        api.add_exception_handler(kind, failed)
    return api


def _error_response(request: Request, error: Exception) -> Response:
    """Any error of ours, in the form that the path's clients read."""
    headers: dict[str, str] = {}
    code: str | None = None
    if isinstance(error, ProxyError):
        status, message, code, headers = error.status, error.message, error.code, error.headers
    elif isinstance(error, RequestValidationError):
        status, message, code = 400, _problems(error), "invalid_request"
    elif isinstance(error, HTTPException):
        status, message = error.status_code, str(error.detail)
        headers = dict(error.headers or {})
    else:
        status, message, code = 500, "a fault of the proxy", "fault"
    request.scope[ERROR] = code or ("fault" if status >= 500 else "")
    body = errors_at(request.url.path).error(status, message, code=code)
    return Response(body, status, headers, media_type="application/json")


def _problems(error: RequestValidationError) -> str:
    """What is wrong with a body, field by field."""
    told = (
        f"{'.'.join(str(part) for part in each['loc'] if part != 'body') or 'body'}: {each['msg']}"
        for each in error.errors()
    )
    return "; ".join(told)


def _service(settings: Settings) -> Service:
    return Service(
        critics={name: name for name in _critics(settings)},
        running=settings.limits.running,
        queue=settings.limits.queue,
        deadline=settings.limits.deadline,
    )


def _critics(settings: Settings) -> list[str]:
    return sorted({settings.critic, *(route.critic for route in settings.routes)})


def _asker(request: Request, current: Callable[[], Live]) -> Asker:
    live = current()
    asked = request.scope[ASKED] = Incoming.of(request.scope, live, new_id())
    return Asker(live.router, asked.key, asked.headers, asked.own)
