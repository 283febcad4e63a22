"""One line each, whatever is in it, and never a wait for a slow reader."""

from __future__ import annotations

import io
import json
import logging
import threading
from typing import Any

import pytest
from cprs_server.observe.access_log import AccessLog
from cprs_server.observe.logs import logging_to
from cprs_server.observe.record import Record

RECORD = Record(
    "/v1/chat/completions",
    200,
    form="chat",
    model="gpt-4o",
    decision="compress",
    reason="asked",
    tokens_in=1000,
    tokens_out=100,
    price=2.0,
    seconds=0.25,
    stages={"plan": 0.001},
    upstream="openai",
    upstream_status=200,
)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_request_is_one_json_line() -> None:
    stream = io.StringIO()
    with logging_to(stream):
        AccessLog().write(RECORD, "ann", "req-1")
    [line] = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "cprs.access",
        "message": "request",
        "id": "req-1",
        "key": "ann",
        "endpoint": "/v1/chat/completions",
        "form": "chat",
        "model": "gpt-4o",
        "stream": False,
        "status": 200,
        "decision": "compress",
        "reason": "asked",
        "ms": 250.0,
        "stages": {"plan": 1.0},
        "upstream": "openai",
        "upstream_status": 200,
        "bytes_in": 0,
        "bytes_out": 0,
        "tokens_in": 1000,
        "tokens_out": 100,
        "exact": True,
        "saved_money": 0.0018,
    }


def test_failures_are_warnings() -> None:
    stream = io.StringIO()
    with logging_to(stream, level="warning"):
        log = AccessLog()
        log.write(RECORD, None, "1")
        log.write(Record("/v1/x", 502, error="upstream_unreachable"), None, "2")
    assert [(line["id"], line["level"]) for line in lines(stream)] == [("2", "warning")]


@pytest.mark.parametrize("kind", ["json", "text"])
def test_lines_cannot_be_forged(kind: Any) -> None:
    stream = io.StringIO()
    evil = 'x\n{"status":200}\r\x1b[2J\u2028end'
    with logging_to(stream, kind=kind):
        AccessLog().write(Record("/v1/x", 200, model=evil), evil, evil)
        logging.getLogger("any").error("%s", evil)
    text = stream.getvalue()
    assert text.count("\n") == 2
    assert "\x1b" not in text
    assert "\r" not in text
    if kind == "json":
        assert lines(stream)[0]["model"] == evil


def test_long_names_are_cut() -> None:
    stream = io.StringIO()
    with logging_to(stream):
        AccessLog().write(Record("/v1/x?key=abc", 404, model="m" * 10_000), None, "1")
    [line] = lines(stream)
    assert len(line["model"]) < 300
    assert line["endpoint"] == "/v1/x"


def test_content_only_when_asked_for() -> None:
    stream = io.StringIO()
    with logging_to(stream):
        AccessLog().content("1", before="private words")
        AccessLog(content=True).content("2", before="public words")
    [line] = lines(stream)
    assert (line["id"], line["before"]) == ("2", "public words")


def test_errors_have_their_traceback_in_the_line() -> None:
    stream = io.StringIO()
    with logging_to(stream):
        try:
            raise ValueError("authorization: Bearer hidden-from-all")
        except ValueError:
            logging.getLogger("any").exception("failed")
    [line] = lines(stream)
    assert "ValueError" in line["exception"]
    assert "hidden-from-all" not in stream.getvalue()


def test_logging_is_left_as_it_was() -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.getLogger("httpx").level)
    with logging_to(io.StringIO(), level="debug"):
        assert logging.getLogger("httpx").level == logging.WARNING
    assert (root.handlers[:], root.level, logging.getLogger("httpx").level) == before


class Stuck(io.StringIO):
    """A pipe that nobody reads for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def write(self, text: str) -> int:
        self.free.wait(20)
        return super().write(text)


def test_a_stuck_reader_holds_up_nobody() -> None:
    stream = Stuck()
    with logging_to(stream):
        log = logging.getLogger("any")
        for n in range(12_000):
            log.info("line %d", n)
        stream.free.set()
        while "line 9000" not in stream.getvalue():
            pass
        log.info("after")
    said = [line["message"] for line in lines(stream)]
    assert said[-1] == "after"
    assert any(message.endswith("log lines lost") for message in said)


class Counted(io.StringIO):
    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def test_lines_of_a_moment_are_written_together() -> None:
    stream = Counted()
    with logging_to(stream):
        for n in range(200):
            logging.getLogger("any").info("line %d", n)
    assert [line["message"] for line in lines(stream)] == [f"line {n}" for n in range(200)]
    assert stream.writes < 20
