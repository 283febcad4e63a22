"""Logs: entries keep their continuation lines."""

from __future__ import annotations

import pytest

from cprs.formats import segment
from cprs.formats.lines import lines

# Lines that begin an entry, in the styles of many programs.
FIRST = [
    "2015-07-29 17:41:44,747 - INFO  [QuorumPeer[myid=1]:FastLeaderElection@774] - Notify",
    "2024-01-01T00:00:00.123456Z stdout F hi",
    "2024-01-01T00:00:00+02:00 host app: hi",
    "[2024-01-01 00:00:00] production.ERROR: hi",
    "2015/07/29 17:41:44 [error] 123#0: *1 open() failed",
    "29-07-2015 17:41:44 WARN x",
    "Jul 29 17:41:44 host sshd[123]: Failed password",
    "Wed Jul 29 17:41:44 2015 : hi",
    "[Wed Jul 29 17:41:44 2015] [error] [client 1.2.3.4] hi",
    "081109 203615 148 INFO dfs.DataNode$PacketResponder: x",
    "- 1117838570 2005.06.03 R02-M1-N0-C:J12-U11 RAS KERNEL INFO x",
    "I0729 17:41:44.123456  123 file.cc:12] hello",
    "1438191704 hello",
    "1438191704123 hello",
    "[INFO] hello",
    "ERROR: hello",
    "WARNING:root:hello",
    "17:41:44.123 [main] DEBUG a.B - hello",
    "17:41:44 INFO hello",
    "[    0.000000] Linux version",
    "<34>1 2003-10-11T22:14:15.003Z mymachine su - ID47 - hi",
    "<13>Jul 29 17:41:44 host app: hi",
    'time="2024-01-01T00:00:00Z" level=info msg="x"',
    "level=info ts=2024-01-01T00:00:00Z msg=x",
    '127.0.0.1 - - [29/Jul/2015:17:41:44 +0000] "GET / HTTP/1.1" 200 12',
    '::1 - bob [29/Jul/2015:17:41:44 +0000] "GET / HTTP/1.1" 200 12',
]
# Lines that go on with the entry before.
MORE = [
    "\tat a.b.C.d(C.java:1)",
    "Caused by: java.io.IOException: x",
    "    ... 3 more",
    "Traceback (most recent call last):",
    '  File "a.py", line 1, in <module>',
    "ValueError: bad value",
    "plain words that some program printed",
    "12 apples",
    "",
    "}",
]


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_entries(first: str, newline: str) -> None:
    entry = newline.join([first, *MORE, ""])
    text = entry + first + newline + entry
    layout = segment(text, format="log")
    found = [text[u.start : u.end] for u in layout.units]
    assert found == [entry, first + newline, entry]
    assert {u.kind for u in layout.units} == {"entry"}
    assert layout.finer is lines


def test_lines_before_the_first_entry_are_one() -> None:
    text = "banner\nof a program\n[INFO] a\n[INFO] b\n"
    assert segment(text, format="log").units.bounds.tolist() == [0, 20, 29, 38]


def test_without_stamps_every_line_that_is_not_indented_is_an_entry() -> None:
    text = "start\n  more\nstop\n\nend"
    assert segment(text, format="log").units.bounds.tolist() == [0, 13, 19, 22]


def test_passages_are_lines() -> None:
    text = "[INFO] a\n  b\n\n[INFO] c"
    assert segment(text, format="log").passages.tolist() == [0, 9, 14, 22]
