"""What can go wrong between a request and its answer, each with the status a client is told."""

from __future__ import annotations

from collections.abc import Mapping


class ProxyError(Exception):
    """A request that gets no answer from the model.

    `status` is HTTP's, `code` a stable word for programs, `headers` go along (`Retry-After`).
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str = "error",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = dict(headers or {})
