"""Our own endpoints as an application, over the critic that needs no weights."""

from __future__ import annotations

import hashlib
from typing import Any

from cprs_server.access.limits import Limits
from cprs_server.config.settings import Settings
from cprs_server.endpoints.own import Own
from cprs_server.endpoints.routers import compression_routers
from cprs_server.errors import ProxyError
from cprs_server.live import Live
from cprs_server.planning.planner import Planner
from cprs_server.running.service import Service
from cprs_server.store import Store
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from cprs.critics.lexical import LexicalCritic


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def application(settings: Settings, **service: Any) -> FastAPI:
    """The endpoints alone, over the critic that needs no weights."""
    live = Live.of(settings)
    runner = Service(**{"critics": {"embedded": LexicalCritic()}, "workers": 2, **service})
    own = Own(
        live=lambda: live,
        runner=runner,
        planner=Planner(),
        store=Store(ttl=settings.store.ttl, max_bytes=settings.store.bytes),
        limits=Limits(),
    )
    api = FastAPI()
    for router in compression_routers(own):
        api.include_router(router)
    api.state.own = own

    @api.exception_handler(ProxyError)
    async def failed(request: Request, error: ProxyError) -> JSONResponse:
        fault = {"message": error.message, "type": "error", "param": None, "code": error.code}
        return JSONResponse({"error": fault}, error.status, error.headers)

    @api.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        fault = {"message": str(error.errors()), "type": "error", "param": None, "code": "invalid"}
        return JSONResponse({"error": fault}, 400)

    return api
