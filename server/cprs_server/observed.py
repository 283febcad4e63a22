"""Our own endpoints in the metrics and the access log, as requests on their way to a model are."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from cprs_server.account import Account
from cprs_server.incoming import Incoming, new_id
from cprs_server.observe.access_log import AccessLog
from cprs_server.observe.logs import log_fault
from cprs_server.observe.metrics import Metrics
from cprs_server.upstream.disconnect import Receive
from cprs_server.upstream.relay import Send

ASKED, ERROR = "cprs.asked", "cprs.error"
"""Where a scope has who asks (`Incoming`), and the code of the error that is the answer."""

_SEEN = ("/v1/", "/api/")
_OTHER = "/{path}"


class Observed:
    """The ASGI application `app`; what is asked of it below /v1 and /api is counted and logged.
    Health and metrics are not: machines ask for those all day."""

    def __init__(self, app: Any, metrics: Metrics, log: AccessLog) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """As ASGI says."""
        if scope["type"] != "http" or not scope["path"].startswith(_SEEN):
            await self._app(scope, receive, send)
            return
        account = Account()

        async def told(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                account.status = message["status"]
            account.bytes_out += len(message.get("body", b""))
            await send(message)

        self._metrics.active.inc()
        unknown = Incoming.unknown(scope, new_id())
        try:
            await self._app(scope, receive, told)
        except Exception as error:  # noqa: BLE001 - the client was told; the server would log texts
            log_fault(scope.get(ASKED, unknown).id, error)
        finally:
            self._metrics.active.dec()
            asked: Incoming | None = scope.get(ASKED)
            account.error = scope.get(ERROR, "")
            who = asked or unknown
            record = account.record(who, endpoint=template_of(scope.get("route")))
            self._metrics.observe(record)
            name = asked.key.name if asked and asked.key else None
            self._log.write(record, name, who.id)


def template_of(route: object) -> str:
    """The path of a route with names for what varies; one for all that is no route."""
    return str(getattr(route, "path", _OTHER))
