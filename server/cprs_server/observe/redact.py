"""Takes credentials out of what is about to be logged, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "[hidden]"

_SHORTEST = 6
# The names that carry credentials, then what may stand between a name and its value in a header,
# a URL, JSON or a Python repr.
_NAMED = re.compile(
    r"""(?ix)
    \b(?P<name> (?:proxy-)?authorization | x-api-key | api-key | x-cprs-key | x-goog-api-key
      | api_key | apikey | set-cookie | cookie | (?:access|refresh|auth)[_-]token
      | client_secret | password | passwd | secret )
    (?P<between> ["'\\]* \s* [:=,]+ \s* (?: b(?=["']) )? ["'\\]* )
    (?: (?:bearer|basic|token)\s+ )?
    [^\s"'\\,;&)}\]]+
    """
)
_SCHEMES = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}")
_SHAPES = re.compile(
    r"""(?x)
    (?<![A-Za-z0-9_-])
    (?: (?: sk | pk | rk | gsk | xai | pplx | hf | csk ) [-_] [A-Za-z0-9_-]{12,}
      | cprs [-_] [A-Za-z0-9_-]{28,}  # names of requests are shorter
      | AIza [A-Za-z0-9_-]{20,}
      | eyJ [A-Za-z0-9_-]{8,} \. [A-Za-z0-9_-]+ \. [A-Za-z0-9_-]* )  # JSON web token
    """
)
_QUERY = re.compile(r"(?i)([?&](?:key|token|sig|signature)=)[^&\s\"']+")
_USER = re.compile(r"(?i)(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,20}://)[^/\s:@\"']*:[^/\s@\"']*@")
# What every one of these needs. Most texts have none of it, and one search is cheaper than five.
_HINT = re.compile(
    r"(?i)auth|key|cookie|token|secret|passw|bearer|basic|://|sig|[spr]k[-_]|xai[-_]|pplx[-_]"
    r"|hf[-_]|cprs[-_][a-z0-9_-]{28}|aiza|eyj"
)


class Redactor:
    """Hides known `secrets` (the configuration's) and whatever looks like a credential.

    Nothing of the proxy logs credentials; this is for what libraries and tracebacks may say.
    """

    __slots__ = ("_known",)

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def clean(self, text: str) -> str:
        """`text` with "[hidden]" in place of credentials; linear in its length."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        if not _HINT.search(text):
            return text
        text = _NAMED.sub(rf"\g<name>\g<between>{HIDDEN}", text)
        text = _SCHEMES.sub(rf"\1 {HIDDEN}", text)
        text = _QUERY.sub(rf"\1{HIDDEN}", text)
        text = _USER.sub(rf"\1{HIDDEN}@", text)
        return _SHAPES.sub(HIDDEN, text)
