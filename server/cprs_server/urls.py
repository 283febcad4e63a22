"""The URL at an upstream for a path that a client asked for."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from cprs_server.config.settings import Upstream
from cprs_server.errors import ProxyError

_VERSION = re.compile(r"v\d+\w*")
_ALLOWED = re.compile(r"/v1(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?")
_QUERY = re.compile(r"[!\"$-~]*")


def upstream_url(upstream: Upstream, path: str, query: str = "") -> str:
    """The URL below the upstream's for `path`, as it was sent (percent-encoded), and `query`.

    `path` begins with /v1, in whose place the upstream's own version comes where its URL names
    one: https://host/openai/v1 + /v1/models = https://host/openai/v1/models. Raises `ProxyError`
    (400) for a path that leads elsewhere or cannot be sent.
    """
    if not _ALLOWED.fullmatch(path) or not _QUERY.fullmatch(query) or _leads_out(path):
        raise ProxyError(400, "the path is not one below /v1", code="invalid_path")
    keeps = upstream.v1 if upstream.v1 is not None else not _has_version(upstream.url)
    url = upstream.url + (path if keeps else path.removeprefix("/v1"))
    return f"{url}?{query}" if query else url


def _has_version(url: str) -> bool:
    return any(_VERSION.fullmatch(part) for part in urlsplit(url).path.split("/"))


def _leads_out(path: str) -> bool:
    # Decoded twice, since the upstream may sit behind a proxy that decodes too.
    for seen in (path, unquote(path), unquote(unquote(path))):
        parts = re.split(r"[/\\]", seen)
        if any(part in (".", "..") for part in parts) or not seen.isprintable():
            return True
    return False
