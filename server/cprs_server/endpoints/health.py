"""Is it alive, is it ready, and its metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from cprs_server.access.keys import Keys
from cprs_server.observe.metrics import CONTENT_TYPE, Metrics


class Health:
    """Whether new requests are welcome: not before `started` is called, and not once `draining`.

    `checks`: further conditions by name; each says what is wrong, or None. They must be quick and
    ask no upstream, since an upstream's fault is no reason to take this proxy out of service.
    """

    def __init__(
        self,
        *,
        draining: Callable[[], bool] = lambda: False,
        checks: Mapping[str, Callable[[], str | None]] | None = None,
    ) -> None:
        self._draining = draining
        self._checks = dict(checks or {})
        self._started = False

    def started(self) -> None:
        """The proxy can answer from now on."""
        self._started = True

    def state(self) -> tuple[bool, dict[str, Any]]:
        """Whether it is ready, and what is told of it."""
        if self._draining():
            return False, {"status": "draining"}
        if not self._started:
            return False, {"status": "starting"}
        wrong = {name: said for name, check in self._checks.items() if (said := check())}
        return (False, {"status": "failing", "checks": wrong}) if wrong else (True, _OK)


_OK = {"status": "ok"}


def health_router(
    health: Health, metrics: Metrics, *, keys: Callable[[], Keys[Any]] = Keys
) -> APIRouter:
    """`/health/live`, `/health/ready` (alias `/health`) and `/metrics`.

    The first two ask for no key. Metrics tell of all clients, so with `keys` they want one; raises
    `ProxyError` (401).
    """
    router = APIRouter(tags=["health"])

    @router.get("/health/live", summary="Does the process run?")
    async def live() -> JSONResponse:
        return JSONResponse(_OK)

    async def ready() -> JSONResponse:
        ok, said = health.state()
        return JSONResponse(said, 200 if ok else 503)

    router.add_api_route(
        "/health/ready",
        ready,
        summary="Are new requests welcome?",
        responses={503: {"description": "It starts, ends or cannot work."}},
    )
    router.add_api_route("/health", ready, include_in_schema=False)

    # Not async: writing thousands of series takes milliseconds, in a thread of its own.
    @router.get("/metrics", summary="Metrics in Prometheus' text format", response_class=Response)
    def prometheus(request: Request) -> Response:
        keys().check(request.scope["headers"])
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    return router
