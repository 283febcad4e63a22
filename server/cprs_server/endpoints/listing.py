"""Lists of models as OpenAI's and Anthropic's clients read them, made of what upstreams list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

Model = dict[str, Any]


def models_of(body: bytes) -> list[Model] | None:
    """The models that an upstream's answer lists; None for what is no such list."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    data = said.get("data") if isinstance(said, dict) else None
    if not isinstance(data, list):
        return None
    return [m for m in data if isinstance(m, dict) and isinstance(m.get("id"), str)]


def named(name: str, *, anthropic: bool, like: Mapping[str, Any] | None = None) -> Model:
    """The entry of a model in one API's form: what `like` has, and what is missing of the form."""
    model: Model = {**(like or {}), "id": name}
    if anthropic:
        model.setdefault("type", "model")
        model.setdefault("display_name", name)
        model.setdefault("created_at", _date(model.get("created")))
        model.setdefault("lifecycle", "active")
    else:
        model.setdefault("object", "model")
        model.setdefault("created", _epoch(model.get("created_at")))
        model.setdefault("owned_by", "cprs" if like is None else "upstream")
    return model


def listed(models: Iterable[Model], *, anthropic: bool, more: bool = False) -> bytes:
    """The list itself, JSON; of each name the first. `more`: the upstream has further pages."""
    unique: dict[str, Model] = {}
    for model in models:
        unique.setdefault(model["id"], model)
    said: dict[str, Any] = {"data": list(unique.values())}
    if anthropic:
        names = list(unique)
        said |= {
            "first_id": names[0] if names else None,
            "has_more": more,
            "last_id": names[-1] if names else None,
        }
    else:
        said = {"object": "list", **said}
    return json.dumps(said, ensure_ascii=False).encode()


def _date(created: Any) -> str:
    try:
        moment = datetime.fromtimestamp(float(created or 0), timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        moment = datetime.fromtimestamp(0, timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _epoch(date: Any) -> int:
    try:
        return int(datetime.fromisoformat(str(date).replace("Z", "+00:00")).timestamp())
    except (ValueError, OverflowError):
        return 0
