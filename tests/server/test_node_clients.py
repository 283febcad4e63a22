"""The proxy under the vendors' JavaScript clients: `make test-node` installs them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cprs_server.app import create_app
from cprs_server.config.settings import Settings
from loopback import served
from programmable import Upstream

FOLDER = Path(__file__).parent.parent / "node"

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (FOLDER / "node_modules").is_dir(),
    reason="needs node and its clients: make test-node",
)


def test_openai_and_anthropic_for_node(upstream: Upstream) -> None:
    route = {"models": ["*"], "upstream": "main", "critic": "lexical"}
    made = {"upstreams": {"main": {"url": upstream.url}}, "routes": [route]}
    question = "Who closed the gate?"
    text = "It rained all day and nobody came by. " * 3000 + "Ann closed the gate. "
    with served(create_app(Settings.model_validate(made))) as url:
        done = subprocess.run(
            ["node", "ask.mjs", url],
            cwd=FOLDER,
            input=f"{text}\n\n{question}",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said.pop("decision") == "compress"
    assert said == dict.fromkeys(("chat", "stream", "responses", "messages"), "Hello there.")
    for seen in upstream.seen:
        body = seen.body.decode()
        assert "Ann closed the gate." in body
        assert question in body
        assert len(body) < len(text) / 1.5
