"""Compressed forms that were sent before: sent again, a provider's prompt cache finds them."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import accumulate

from cprs_server.planning.base import Piece, Plan
from cprs_server.wire.base import Conversation

BYTES = 64 << 20
"""Memory for compressed forms."""

_NO_POLICY = frozenset(("mode", "trigger", "least", "min_saving", "query"))


@dataclass(frozen=True, slots=True)
class Form:
    """The compressed form of a piece, and the target's tokens of it."""

    text: str
    tokens: int


class Sticky:
    """Forms by key, the least lately used dropped first. Safe to use from several threads."""

    def __init__(self, *, bytes: int = BYTES) -> None:
        self._bytes = bytes
        self._held = 0
        self._forms: OrderedDict[str, Form] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._forms)

    def get(self, key: str) -> Form | None:
        """The form remembered under `key`."""
        with self._lock:
            form = self._forms.get(key)
            if form is not None:
                self._forms.move_to_end(key)
            return form

    def put(self, key: str, text: str, tokens: int) -> None:
        """Remember a form. The first one stays: it is what a provider has cached."""
        with self._lock:
            if not key or key in self._forms or _size(key, text) > self._bytes // 4:
                return
            self._forms[key] = Form(text, tokens)
            self._held += _size(key, text)
            while self._held > self._bytes:
                old, form = self._forms.popitem(last=False)
                self._held -= _size(old, form.text)


def _size(key: str, text: str) -> int:
    return 200 + len(key) + len(text) * (1 if text.isascii() else 4)


def key_of(*parts: str) -> str:
    """A key that no other parts share: every part is hashed with its length."""
    digest = hashlib.blake2b(digest_size=20)
    for part in parts:
        coded = part.encode("utf-8", "surrogatepass")
        digest.update(len(coded).to_bytes(8, "little"))
        digest.update(coded)
    return digest.hexdigest()


def keys_of(
    conversation: Conversation, pieces: Sequence[Piece], plan: Plan, scope: str
) -> list[str]:
    """What the form of each piece is remembered under: who asks, for which model, with which
    options, and the text with its question; for `sticky`, the conversation up to the text's first
    question in place of the question."""
    options, target = plan.options, plan.target
    policy = [(f.name, getattr(options, f.name)) for f in fields(options)]
    said = repr([each for each in policy if each[0] not in _NO_POLICY])
    about = (scope, target.model, target.tokenizer, str(target.window), said)
    prefixes = _prefixes(conversation) if options.sticky else ()
    keys = []
    for piece in pieces:
        words = conversation.texts[piece.text].text[piece.start : piece.end]
        why = ("sticky", prefixes[piece.text]) if prefixes else ("query", piece.query)
        keys.append(key_of(*about, *why, words))
    return keys


def _prefixes(conversation: Conversation) -> list[str]:
    """For each text, a hash of the conversation up to the end of the first turn of a user at or
    after it: no later turn changes that."""
    texts = conversation.texts
    hashes = list(accumulate((each.kind + each.text for each in texts), key_of, initial=""))[1:]
    prefixes, end = [""] * len(texts), len(texts) - 1
    for number in range(len(texts) - 1, -1, -1):
        last_of_turn = number + 1 == len(texts) or texts[number + 1].turn != texts[number].turn
        if texts[number].kind == "question" and last_of_turn:
            end = number
        prefixes[number] = hashes[end]
    return prefixes
