"""Checks of single values. Each raises `ValueError` with what is wrong and what to do."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN = {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"}


def word(name: str) -> str:
    """A name that is safe in logs, metrics and environment variables."""
    if not _WORD.fullmatch(name):
        raise ValueError("a name is up to 64 letters, digits, dots, dashes and underscores")
    return name


def base_url(url: str) -> str:
    """An absolute http(s) URL without its last slash: no query, no fragment, no password."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("a URL begins with http:// or https:// and names a host")
    if any(c.isspace() or not c.isprintable() for c in url):
        raise ValueError("a URL holds no spaces and no control characters")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL holds no name or password; put the key into api_key or headers")
    if parts.query or parts.fragment:
        raise ValueError("a base URL ends before ? and #")
    if any(part in (".", "..") for part in parts.path.split("/")):
        raise ValueError("a base URL has no . or .. in its path")
    return url.rstrip("/")


def header(name: str) -> str:
    """The name of a header that may be set, in lower case."""
    if not _TOKEN.fullmatch(name):
        raise ValueError("not the name of an HTTP header")
    if name.lower() in _OWN:
        raise ValueError("is set by the connection itself; leave it out")
    return name.lower()


def digest(sha256: str) -> str:
    """A SHA-256 in hex, in lower case."""
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", sha256):
        raise ValueError("a SHA-256 is 64 hex digits; `cprs config key` makes a key and its hash")
    return sha256.lower()
