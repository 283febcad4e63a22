"""Text that a request carries as a file: base64, mostly in a data URL."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*?);base64,", re.IGNORECASE)
_TEXTUAL = re.compile(
    r"text/.*|application/(?:.*\+)?(?:json|xml|yaml|x-yaml|toml|sql|javascript|x-javascript|"
    r"typescript|x-sh|x-python|x-ndjson|ndjson|jsonl|csv|graphql|x-tex|x-httpd-php)",
    re.IGNORECASE,
)
_UNKNOWN = ("", "application/octet-stream")
_BINARY = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True, slots=True)
class TextFile:
    """`prefix` as it was, and the text that the base64 after it stands for."""

    prefix: str
    text: str


def read_file(data: str) -> TextFile | None:
    """The text in `data`, a data URL or bare base64; None where it is none that can be changed:
    another kind of file, another character set, no base64.

    >>> read_file("data:text/plain;base64,aGk=")
    TextFile(prefix='data:text/plain;base64,', text='hi')
    """
    match = _URL.match(data)
    if match is None:
        prefix, kind = "", ""
        if data[:5].lower() == "data:":
            return None
    else:
        prefix, kind = match[0], match[1].strip()
        charset = re.search(r"charset=\"?([\w-]*)", match[2], re.IGNORECASE)
        if charset and charset[1].lower() not in ("utf-8", "utf8", "us-ascii", "ascii"):
            return None
    if kind.lower() not in _UNKNOWN and not _TEXTUAL.fullmatch(kind):
        return None
    try:
        # Some encoders break their lines.
        raw = base64.b64decode("".join(data[len(prefix) :].split()), validate=True)
        text = raw.decode()
    except (binascii.Error, ValueError):
        return None
    if kind.lower() in _UNKNOWN and (_BINARY.search(text) or text.startswith("%PDF-")):
        return None
    return TextFile(prefix, text)


def write_file(file: TextFile) -> str:
    """`file` as it is sent."""
    encoded = base64.b64encode(file.text.encode("utf-8", "replace")).decode("ascii")
    return file.prefix + encoded
