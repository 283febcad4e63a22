"""Log lines in several styles: errors, warnings and the rest, from one service or another."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from cprs.train.tasks.marked import Mark, Marked, fill
from cprs.train.tasks.things import THINGS

SERVICES = (
    "auth billing cache checkout db gateway indexer kernel mailer nginx payments queue replica "
    "scheduler search sshd storage sync uploader worker"
).split()

_SAYS = {
    "error": (
        "connection refused by {ip}", "could not open {path}: no such file or directory",
        "request failed with status 500", "unhandled exception in {word}", "out of memory",
        "timeout after {duration} waiting for {word}", "failed to write {path}: disk full",
        "authentication failed for user {user}", "transaction {ref} rolled back: deadlock",
        "panic: index out of range", "certificate of {ip} has expired", "lost connection to {word}",
        "cannot allocate {quantity}", "payment {ref} declined: invalid card", "segmentation fault",
    ),
    "warning": (
        "disk usage at {percent}", "slow query took {duration}", "retrying {word}, attempt 3",
        "deprecated option in {path}", "certificate of {ip} expires in {duration}",
        "queue is filling up", "response from {ip} took longer than expected",
        "falling back to defaults", "memory is getting low", "clock skew detected on {ip}",
    ),
    "info": (
        "started version {version}", "connection from {ip} accepted", "user {user} logged in",
        "request {ref} took {duration}", "saved {path}", "worker {word} is ready",
        "health check passed", "flushed {quantity}", "listening on {ip}", "job {ref} finished",
        "configuration read from {path}", "session of {user} closed", "snapshot {ref} written",
        "user {user} logged out", "cache warmed in {duration}", "rotated {path}",
    ),
    "debug": (
        "entering {word}", "payload of {quantity}", "cache miss for {ref}", "tick",
        "pool has 4 idle connections", "parsed {path}", "heartbeat from {ip}",
    ),
}  # fmt: skip
_WORDS = {
    "word": ("loader", "shard", "index", "ledger", "mirror", "lexer", "broker", "spool", "router"),
    "user": ("alice", "bkumar", "root", "deploy", "svc_app", "mwang", "guest", "j.ortiz"),
}
_TRACE = ("Traceback (most recent call last):", 'File "{}.py", line 41, in run', "KeyError: 'id'")


@dataclass(frozen=True, slots=True)
class _Style:
    """How a journal's lines begin: its clock, how it calls each level, and where these stand."""

    clock: Callable[[int], str]
    levels: dict[str, str]
    head: str


def _iso(second: int) -> str:
    day, rest = divmod(second, 86_400)
    return f"2031-{day // 28 % 12 + 1:02}-{day % 28 + 1:02}T{_time(rest)}Z"


def _spaced(second: int) -> str:
    return _iso(second).replace("T", " ").rstrip("Z") + f",{second % 1000:03}"


def _syslog(second: int) -> str:
    day, rest = divmod(second, 86_400)
    months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    return f"{months[day // 28 % 12]} {day % 28 + 1:2} {_time(rest)}"


def _time(second: int) -> str:
    minute, second = divmod(second % 86_400, 60)
    return f"{minute // 60:02}:{minute % 60:02}:{second:02}"


def _epoch(second: int) -> str:
    return f"{1_900_000_000 + second}.{second % 997:03}"


_NAMES = (
    {"error": "ERROR", "warning": "WARN", "info": "INFO", "debug": "DEBUG"},
    {"error": "ERROR", "warning": "WARNING", "info": "INFO", "debug": "DEBUG"},
    {"error": "error", "warning": "warn", "info": "info", "debug": "debug"},
    {"error": "E", "warning": "W", "info": "I", "debug": "D"},
    {"error": "FATAL", "warning": "WARN", "info": "NOTICE", "debug": "TRACE"},
    {"error": "CRITICAL", "warning": "WARNING", "info": "INFO", "debug": "DEBUG"},
    {"error": "Error", "warning": "Warning", "info": "Info", "debug": "Debug"},
)
_HEADS = (
    "{clock} {level} [{service}] ",
    "{clock} [{level}] {service}: ",
    "[{clock}] {level} {service} - ",
    "{clock} myhost {service}[2214]: {level}: ",
    "level={level} ts={clock} service={service} msg=",
    "{service} | {clock} | {level} | ",
    "{level} {clock} {service}.main ",
    "{clock} {level:<8} {service} ",
)


def style(rng: random.Random) -> _Style:
    """A way to write log lines; one for a whole journal."""
    clock = rng.choice((_iso, _spaced, _syslog, _time, _epoch))
    return _Style(clock, rng.choice(_NAMES), rng.choice(_HEADS))


def lines(rng: random.Random, how: _Style, second: int, *, rare: float) -> list[Marked]:
    """The next event: mostly one line, marked with its level and its service; now and then an
    error is followed by its trace, part of it. `rare`: the share of errors, and of warnings."""
    level = rng.choices(("error", "warning", "info", "debug"), (rare, rare, 1 - 2 * rare, 0.2))[0]
    service = rng.choice(SERVICES)
    said = fill(rng.choice(_SAYS[level]), rng, THINGS, _WORDS)
    clock = how.clock(second)
    head = how.head.format(clock=clock, level=how.levels[level], service=service)
    line = said.after(head).whole(level, f"{level}/{service}", f"any/{service}")
    at = head.index(clock)
    line = Marked(line.text, (*line.marks, Mark("timestamp", at, at + len(clock))))
    if level != "error" or rng.random() > 0.1:
        return [line]
    return [line, *(Marked(part.format(service)).whole("trace", "error") for part in _TRACE)]
