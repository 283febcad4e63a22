"""The JSON schema of the settings, as it is published."""

import json
from pathlib import Path

import pytest
import yaml
from cprs_server.config.schema import schema

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLE = """
port: ${PORT:-8788}
upstreams: {a: {url: "https://a.example", api_key: "${KEY}"}}
routes: [{models: ["*"], upstream: a, policy: sticky}]
policy: {mode: "off", ratio: 4}
limits: {body_bytes: 64MiB, running: 2}
"""


def test_published_schema_is_this_one() -> None:
    published = json.loads((DOCS / "proxy-config.schema.json").read_text(encoding="utf-8"))
    assert published == schema(), "cprs config schema > docs/proxy-config.schema.json"


def test_schema_does_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "default" not in schema()["$defs"]["Limits"]["properties"]["running"]


def test_schema_knows_right_from_wrong() -> None:
    validator = pytest.importorskip("jsonschema_rs").validator_for(schema())
    assert validator.is_valid(yaml.safe_load(EXAMPLE))
    assert validator.is_valid({})
    for wrong in ({"prot": 1}, {"port": "x"}, {"policy": "of"}, {"routes": [{"upstream": "a"}]}):
        assert not validator.is_valid(wrong), wrong


def test_every_key_is_described() -> None:
    made = schema()
    parts = {"cprs.yaml": made, **made["$defs"]}
    missing = [
        f"{part}.{key}"
        for part, node in parts.items()
        for option in node.get("anyOf", [node])
        for key, value in option.get("properties", {}).items()
        if not value.get("description")
    ]
    assert missing == []
