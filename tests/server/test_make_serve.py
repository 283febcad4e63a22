"""`make serve`: what it runs is a proxy that answers, and ends without losing a request."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from programmable import Upstream, after, plain
from shapes import chat

ROOT = Path(__file__).parents[2]
_MAKES = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
BODY = {"model": "m", "messages": [{"role": "user", "content": "Say hello."}]}


def command(arguments: str) -> list[str]:
    """What `make serve` would run in the environment of these tests."""
    here = Path(sys.executable).parent
    if shutil.which("make") is None or not (ROOT / "Makefile").is_file():
        pytest.skip("needs make and a checkout")
    if not (here / "cprs").is_file():
        pytest.skip("cprs is not installed here")
    told = subprocess.run(
        ["make", "--no-print-directory", "-n", "serve", f"BIN={here}", f"ARGS={arguments}"],
        cwd=ROOT,
        # What `make test` tells those that it calls is not meant for this one.
        env={name: value for name, value in os.environ.items() if name not in _MAKES},
        capture_output=True,
        text=True,
        check=True,
    )
    # Before it stands what sets the environment up.
    return shlex.split(told.stdout.splitlines()[-1])


@pytest.fixture
def process(upstream: Upstream) -> Iterator[subprocess.Popen[str]]:
    run = command(f"--upstream {upstream.url}/v1 --port 0")
    with subprocess.Popen(run, stderr=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def test_make_serve_answers_and_drains(process: subprocess.Popen[str], upstream: Upstream) -> None:
    assert process.stderr is not None
    said = next(
        line["message"] for line in map(json.loads, process.stderr) if "at: " in line["message"]
    )
    url = said.removeprefix("at: ")
    assert httpx2.get(f"{url}/health/ready", timeout=20).status_code == 200

    upstream.reply(after(1.0, plain(chat("Hello there."))))
    answers: list[httpx2.Response] = []

    def ask() -> None:
        answers.append(httpx2.post(f"{url}/v1/chat/completions", json=BODY, timeout=60))

    asking = threading.Thread(target=ask)
    asking.start()
    assert upstream.wait_seen(seconds=30)
    process.send_signal(signal.SIGTERM)
    asking.join(60)
    assert answers[0].status_code == 200
    assert answers[0].json()["choices"][0]["message"]["content"] == "Hello there."
    assert answers[0].headers["x-cprs-reason"] == "below_trigger"
    assert process.wait(30) == 0
