"""Keys in every place of a request, and none of them in anything that is written."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import logging
import re
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from cprs_server.app import create_app
from cprs_server.config.settings import Settings
from cprs_server.observe.logs import logging_to
from loopback import served
from programmable import Upstream, cut, garbage, plain, reset

OURS = "cprs-ourKey_0123456789abcdefghijklmnopqrst"
SECRETS = {
    "ours": OURS,
    "wrong": "cprs-wrongKey_0123456789abcd",
    "theirs": "sk-proj-theirs0123456789abcdef",
    "plain": "Zq9plainSecretOfNoKnownShape77",
    "upstream": "upstreamSecretOfNoKnownShape88",
    "header": "headerSecretOfNoKnownShape99",
    "content": "contentSecretOfNoKnownShape66",
    "query": "querySecretOfNoKnownShape55",
}


class Everything(logging.Handler):
    """What any logger says, as it says it, tracebacks too."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(f"{record.getMessage()} {record.__dict__}")
        if record.exc_info:
            self.said.append("".join(traceback.format_exception(*record.exc_info)))


@pytest.fixture
def settings(upstream: Upstream) -> Settings:
    return Settings.model_validate(
        {
            "upstreams": {
                "own": {
                    "url": upstream.url + "/v1",
                    "api_key": SECRETS["upstream"],
                    "headers": {"x-extra": SECRETS["header"]},
                },
                "open": {"url": upstream.url + "/v1"},
                "down": {"url": "http://127.0.0.1:9/v1"},
            },
            "routes": [
                {"models": ["theirs"], "upstream": "open"},
                {"models": ["down"], "upstream": "down"},
                {"models": ["*"], "upstream": "own"},
            ],
            "keys": [{"name": "ann", "sha256": hashlib.sha256(OURS.encode()).hexdigest()}],
            "log": {"level": "debug"},
        }
    )


def send(url: str, path: str, body: Any, headers: dict[str, str], method: str = "POST") -> int:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    try:
        connection.request(method, path, json.dumps(body), headers)
        response = connection.getresponse()
        response.read()
        return response.status
    except (http.client.HTTPException, ConnectionError):
        return 0
    finally:
        connection.close()


def attempts() -> Iterator[tuple[str, Any, dict[str, str]]]:
    body = {
        "model": "theirs",
        "messages": [{"role": "user", "content": f"My password is {SECRETS['content']}"}],
    }
    places = [
        {"authorization": f"Bearer {OURS}"},
        {"x-api-key": OURS, "authorization": f"Bearer {SECRETS['plain']}"},
        {"x-cprs-key": OURS, "authorization": f"Bearer {SECRETS['theirs']}"},
        {"x-cprs-key": OURS, "x-api-key": SECRETS["theirs"], "cookie": f"s={SECRETS['plain']}"},
        {"api-key": OURS, "x-goog-api-key": SECRETS["theirs"]},
        {"x-cprs-key": OURS, "proxy-authorization": f"Basic {SECRETS['plain']}"},
        {"authorization": f"Bearer {SECRETS['wrong']}"},
        {"x-api-key": SECRETS["wrong"], "cookie": SECRETS["plain"]},
        {"x-cprs-key": OURS, "x-bad": f"é{SECRETS['plain']}\x01"},
        {"authorization": f"Bearer {OURS}", "origin": f"https://{SECRETS['plain']}.example"[:40]},
    ]
    for headers in places:
        for model in ("theirs", "down", "any", SECRETS["theirs"]):
            yield "/v1/chat/completions", {**body, "model": model}, headers
    mine = places[2]
    query = f"?key={SECRETS['query']}"
    yield "/v1/messages" + query, body, mine
    yield "/v1/models" + query, None, mine
    yield "/v1/files" + query, body, mine
    yield "/v1/../x" + query, body, mine
    yield "/nowhere" + query, body, mine
    yield "/v1/chat/completions", {"model": 5, "messages": SECRETS["content"]}, mine
    yield "/v1/chat/completions", [SECRETS["content"]], mine
    yield "/v1/chat/completions", {**body, "cprs": {"ratio": SECRETS["content"]}}, mine
    long = " ".join(f"Line {n} says {SECRETS['content']}." for n in range(300))
    asking = {"role": "user", "content": f"{long}\n\nWhat does line 7 say?"}
    for mode in ("always", "audit"):
        yield (
            "/v1/chat/completions",
            {**body, "messages": [asking], "cprs": {"query": SECRETS["query"]}},
            {**mine, "x-cprs": mode},
        )


def test_nothing_written_holds_a_key(
    settings: Settings, upstream: Upstream, capfd: pytest.CaptureFixture[str]
) -> None:
    stream, everything = io.StringIO(), Everything()
    statuses: set[int] = set()
    with logging_to(stream, level="debug"):
        logging.getLogger().addHandler(everything)
        with served(create_app(settings), log_level="debug", log_config=None) as url:
            for path, body, headers in attempts():
                method = "POST" if body is not None else "GET"
                statuses.add(send(url, path, body, headers, method))
            for script in (garbage(), reset(), cut(b'{"a', said=100), plain(b"no", status=500)):
                upstream.reply(script)
                path, body, headers = next(attempts())
                statuses.add(send(url, path, body, headers))
            send(url, "/metrics", None, {"x-cprs-key": OURS}, "GET")
            metrics = http.client.HTTPConnection(url.removeprefix("http://"))
            metrics.request("GET", "/metrics", headers={"authorization": f"Bearer {OURS}"})
            scraped = metrics.getresponse().read().decode()
            metrics.close()
    assert {200, 400, 401, 403, 404, 500, 502} <= statuses
    out = capfd.readouterr()
    written = {"log": stream.getvalue(), "metrics": scraped, "out": out.out, "err": out.err}
    raw = [line for line in everything.said if "'name': 'cprs" in line]
    assert stream.getvalue().count("cprs.access") > 30
    assert '"decision":"compress"' in stream.getvalue()
    assert re.search(r'"id":"cprs-[0-9a-f]{24}"', stream.getvalue())
    assert raw
    assert "cprs_requests_total" in scraped
    for name, secret in SECRETS.items():
        for where, text in written.items():
            assert secret not in text, (name, where)
        # What a client calls a model is logged, hidden only by its shape: see the log above.
        own = [line for line in raw if secret in line and "'model': 'sk-" not in line]
        assert not own, (name, own[:1])


def test_our_key_goes_to_no_upstream(settings: Settings, upstream: Upstream) -> None:
    with served(create_app(settings)) as url:
        for path, body, headers in attempts():
            send(url, path, body, headers, "POST" if body is not None else "GET")
    assert len(upstream.seen) > 20
    for seen in upstream.seen:
        text = f"{seen.target} {seen.headers}"
        assert OURS not in text
        if SECRETS["upstream"] in text:
            assert SECRETS["theirs"] not in text


def test_other_hosts_get_no_key_of_a_client(settings: Settings, upstream: Upstream) -> None:
    """The list of models is asked of several upstreams; a client's own key is for one."""
    headers = {"x-cprs-key": OURS, "authorization": f"Bearer {SECRETS['theirs']}"}
    with served(create_app(settings)) as url:
        assert send(url, "/v1/models", None, headers, "GET") == 200
    assert upstream.seen
    for seen in upstream.seen:
        assert SECRETS["theirs"] not in str(seen.headers)
        assert seen.header("x-cprs-key") is None
