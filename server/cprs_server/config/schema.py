"""The JSON schema of `cprs.yaml`: editors complete and check the file with it."""

from __future__ import annotations

from typing import Any

from cprs_server.config.settings import Settings

_VARIABLE = {"type": "string", "pattern": r"\$\{"}
_PLAIN = {"integer", "number", "boolean"}
_WORDS = ["off", "auto", "always", "audit", "sticky"]


def schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12, of the settings as a file holds them: with `${VAR}` for numbers
    and with short forms."""
    made = Settings.model_json_schema()
    policy = made["$defs"]["Policy"]
    made["$defs"]["Policy"] = {
        "anyOf": [{"type": "string", "enum": _WORDS}, policy],
        "description": policy.pop("description"),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_file(made),
        "title": "cprs.yaml",
    }


def _file(node: Any) -> Any:
    if isinstance(node, list):
        return [_file(item) for item in node]
    if not isinstance(node, dict):
        return node
    # pydantic makes a title of every name, which says nothing.
    made = {
        key: {name: _file(value) for name, value in inner.items()}
        if key in ("properties", "$defs")
        else _file(inner)
        for key, inner in node.items()
        if key not in ("title", "default", "gt")
    }
    if "default" in node and not isinstance(node["default"], dict):
        made["default"] = node["default"]
    if "anyOf" in made:
        made["anyOf"] = [one for each in made["anyOf"] for one in each.get("anyOf", [each])]
    if made.get("type") in _PLAIN:
        about = {key: made.pop(key) for key in ("description", "default") if key in made}
        return {**about, "anyOf": [made, _VARIABLE]}
    return made
