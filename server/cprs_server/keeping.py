"""What is kept of a compression for those who ask afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cprs_server.change import Change, placed, source_of
from cprs_server.incoming import Incoming
from cprs_server.planning.base import Piece, Plan
from cprs_server.running.base import Done
from cprs_server.store import Store, hash_of
from cprs_server.upstream.headers import header
from cprs_server.wire.base import Conversation

_MOST_SPANS = 20_000
"""Of one compression; the rest is only counted."""


def owner_of(asked: Incoming) -> str:
    """Whoever asks: the name of their key, else a digest of what they show the upstream."""
    if asked.key is not None:
        return f"key:{asked.key.name}"
    for name in (b"authorization", b"x-api-key", b"api-key"):
        secret = header(asked.headers, name)
        if secret:
            return "shown:" + hashlib.sha256(secret.encode()).hexdigest()
    return ""


class StoreKeeper:
    """Keeps plans, spans and, where markers tell of them, original texts in a `Store`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def keep(self, asked: Incoming, conversation: Conversation, plan: Plan, change: Change) -> None:
        """Keep what was done to a request."""
        owner = owner_of(asked)
        self.store.keep_record(
            asked.id, record_of(asked.id, conversation, plan, change), owner=owner
        )
        if plan.options.markers:
            for piece, kept in placed(plan, change.pieces, change.done).items():
                original = source_of(conversation, piece)
                if kept != original:
                    self.store.keep_text(original, owner=owner)


def record_of(id: str, conversation: Conversation, plan: Plan, change: Change) -> dict[str, Any]:
    """A compression as JSON: no text of it but the questions."""
    return {
        "id": id,
        "decision": change.decision,
        "reason": change.reason,
        "form": conversation.form,
        "model": plan.target.model,
        "tokens_in": change.tokens_in,
        "tokens_out": change.tokens_out,
        "tokens_exact": plan.exact,
        "budget": plan.budget,
        "options": asdict(plan.options),
        "notes": list(plan.notes),
        "pieces": [piece_of(conversation, piece) for piece in plan.pieces],
        "runs": [
            run_of(conversation, group, done)
            for group, done in zip(change.pieces, change.done, strict=True)
        ],
    }


def piece_of(conversation: Conversation, piece: Piece) -> dict[str, Any]:
    """A piece as JSON."""
    text = conversation.texts[piece.text]
    return {
        "path": list(text.path),
        "kind": text.kind,
        "start": piece.start,
        "end": piece.end,
        "query": piece.query,
        "tokens": piece.tokens,
        "format": piece.format,
        "name": piece.name,
        "kept_from_before": piece.kept is not None,
    }


def run_of(conversation: Conversation, group: Sequence[Piece], done: Done) -> dict[str, Any]:
    """What was run for pieces of one question, as JSON."""
    return {
        "query": group[0].query if group else "",
        "hashes": [hash_of(source_of(conversation, piece)) for piece in group],
        "tokens_in": done.tokens_in,
        "tokens_out": done.tokens_out,
        "seconds": done.seconds,
        "waited": done.waited,
        "critic": done.critic,
        "timings": dict(done.timings),
        "warnings": list(done.warnings),
        "spans": [
            {
                "start": span.start + group[span.document].start,
                "end": span.end + group[span.document].start,
                "score": round(span.score, 5),
                "label": span.label,
                "piece": span.document,
            }
            for span in done.spans[:_MOST_SPANS]
        ],
        "spans_left_out": max(0, len(done.spans) - _MOST_SPANS),
    }
