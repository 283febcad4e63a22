"""The body of a request as JSON."""

from __future__ import annotations

import json
from typing import Any

from cprs_server.errors import ProxyError


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object that `body` is; of repeated keys the last counts.

    Numbers longer than Python's limit become floats: nothing here counts with them, and the body
    is forwarded as it came. Raises `ProxyError` (400) for what is not one JSON object in UTF-8.

    >>> parse(b'{"model": "m", "model": "n"}')
    {'model': 'n'}
    """
    text = _decode(body)
    try:
        value = _loads(text)
    except json.JSONDecodeError as error:
        raise _bad(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise too_deep() from None
    if not isinstance(value, dict):
        raise _bad(f"the body must be a JSON object, not {_NAMES[type(value)]}")
    return value


_NAMES = {
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


def too_deep() -> ProxyError:
    """What is said of JSON with more levels than Python's stack."""
    return _bad("the JSON of the body is nested too deeply; flatten it")


def _decode(body: bytes) -> str:
    if not body:
        raise _bad("the body is empty; send a JSON object")
    if body.startswith(b"\xef\xbb\xbf"):
        raise _bad("the body starts with a byte order mark; send JSON in UTF-8 without one")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise _bad(f"the body is not UTF-8: bad byte at offset {error.start}") from None


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # more digits than `int` takes
        return json.loads(text, parse_int=_number)


def _number(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def _bad(message: str) -> ProxyError:
    return ProxyError(400, message, code="invalid_json")
