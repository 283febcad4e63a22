"""All endpoints about compressions."""

from __future__ import annotations

from fastapi import APIRouter

from cprs_server.endpoints.compresr import compresr_router
from cprs_server.endpoints.compress import compress_router
from cprs_server.endpoints.compressions import compressions_router
from cprs_server.endpoints.own import Own
from cprs_server.endpoints.plan import plan_router
from cprs_server.endpoints.qwenlong import qwenlong_router
from cprs_server.endpoints.retrieve import retrieve_router


def compression_routers(own: Own) -> list[APIRouter]:
    """Their routers, for one application."""
    return [
        compress_router(own),
        compresr_router(own),
        plan_router(own),
        compressions_router(own),
        retrieve_router(own),
        qwenlong_router(own),
    ]
