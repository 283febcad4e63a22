"""Web pages of other sites: refused unless the configuration names their origin.

CORS alone does not stop them. A browser sends simple POSTs and opens WebSockets without asking
first, so any page could spend the keys of a proxy on the same machine.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

_TOLD = [
    "x-cprs-decision",
    "x-cprs-reason",
    "x-cprs-tokens-in",
    "x-cprs-tokens-out",
    "x-cprs-ms",
    "x-cprs-id",
    "x-request-id",
    "request-id",
    "retry-after",
]


def allowed_origin(origin: bytes, host: bytes, allowed: frozenset[str]) -> bool:
    """Whether a page of `origin` may ask: it is listed, or it came from this server by a name that
    is this machine's own. Any other name may have been pointed here (DNS rebinding)."""
    if "*" in allowed:
        return True
    said = origin.decode("latin-1").lower()
    if said in allowed:
        return True
    own = host.decode("latin-1").lower()
    return said in (f"http://{own}", f"https://{own}") and _loopback(own)


def _loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def with_cors(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """`app` answering browsers of these origins ("*": all); as it is where there are none."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=_TOLD,
        max_age=600,
    )
