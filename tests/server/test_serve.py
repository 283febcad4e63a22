"""A server as a process of its own: signals, changes of its settings, and its end."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from cprs_server.serve import listen, urls

from cprs.errors import OptionError

# Stands in for the proxy: says what its settings are when a request begins and when it ends.
SCRIPT = """
import asyncio, json
from pathlib import Path
from cprs_server.config.loading import load
from cprs_server.config.reload import Reload
from cprs_server.serve import serve

def make(settings, *, reload):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    print("shut down", flush=True)
                    return
        current = reload.current
        if scope["path"] == "/slow":
            print("slow", flush=True)
            await asyncio.sleep(float(scope["query_string"] or 1))
        body = json.dumps({
            "first": current.shadow, "last": reload.current.shadow, "draining": reload.draining
        }).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
    return app

path = Path("cprs.yaml")
reload = Reload(load(path), lambda: load(path), path=path)
serve(reload, make=make, started=lambda urls: print(*urls, flush=True))
print("ended", flush=True)
"""


class Served:
    """The process, its URL and the lines it prints."""

    def __init__(self, folder: Path, drain: float = 20) -> None:
        self.file = folder / "cprs.yaml"
        self.write(0.1, drain)
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.url = self.line("http://").strip()

    def write(self, shadow: float, drain: float = 20) -> None:
        self.file.write_text(f"port: 0\nshadow: {shadow}\nlimits: {{drain: {drain}}}\n")

    def line(self, holding: str) -> str:
        """The next line that holds something."""
        assert self.process.stdout is not None
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            if holding in line:
                return line
        raise AssertionError(f"no line with {holding!r} in {''.join(seen)!r}")

    def get(self, path: str = "/") -> Any:
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.load(answer)

    def later(self, path: str) -> tuple[threading.Thread, list[Any]]:
        """A request that runs on its own, and where its answer will be."""
        answers: list[Any] = []

        def run() -> None:
            try:
                answers.append(self.get(path))
            except OSError as error:
                answers.append(error)
                if isinstance(error, HTTPError):
                    error.close()

        thread = threading.Thread(target=run)
        thread.start()
        self.line("slow")
        return thread, answers


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    if made.process.poll() is None:
        made.process.kill()
    made.process.communicate()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no SIGHUP here")
def test_settings_change_and_it_ends_and_no_request_is_lost(served: Served) -> None:
    thread, answers = served.later("/slow?2")
    served.write(0.2)
    served.line("settings read again")
    assert served.get()["first"] == 0.2
    served.file.write_text("shadow: many\n")
    served.line("shadow: must be a number; got 'many' (the settings stay as they were)")
    assert served.get()["first"] == 0.2
    served.write(0.3)
    served.line("settings read again")
    served.process.send_signal(signal.SIGHUP)
    served.line("settings read again")
    thread.join()
    assert answers == [{"first": 0.1, "last": 0.3, "draining": False}]

    # Told to end, it lets what runs end first.
    thread, answers = served.later("/slow?1")
    served.process.send_signal(signal.SIGTERM)
    thread.join()
    assert answers == [{"first": 0.3, "last": 0.3, "draining": True}]
    assert served.process.wait(20) == 0
    with pytest.raises(OSError, match="refused"):
        served.get()
    assert served.process.stdout is not None
    assert served.process.stdout.read().split("\n")[-3:] == ["shut down", "ended", ""]


def test_a_second_signal_waits_for_nobody(served: Served) -> None:
    thread, answers = served.later("/slow?60")
    began = time.monotonic()
    served.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(20) == 0
    thread.join()
    assert isinstance(answers[0], OSError)
    assert time.monotonic() - began < 20


def test_draining_has_an_end(tmp_path: Path) -> None:
    served = Served(tmp_path, drain=1)
    thread, answers = served.later("/slow?60")
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(20) == 0
    thread.join()
    assert isinstance(answers[0], OSError)
    served.process.communicate()


def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OptionError, match=rf"127\.0\.0\.1:{port}: .*; choose another"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["203.0.113.1", "a" * 300, "\0"])
def test_an_address_that_is_not_here(host: str) -> None:
    with pytest.raises(OptionError, match="cannot listen on"):
        listen(host, 0)


def test_all_addresses_have_one_port() -> None:
    sockets = listen("localhost", 0)
    try:
        assert len({opened.getsockname()[1] for opened in sockets}) == 1
        assert all(url.startswith("http://") for url in urls(sockets))
    finally:
        for opened in sockets:
            opened.close()
