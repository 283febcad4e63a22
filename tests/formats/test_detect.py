"""Which format a text is taken for. Prose must never be taken for anything else."""

from __future__ import annotations

import pytest

from cprs.formats import detect_format, known_formats
from cprs.formats.detect import SAMPLE

STAMPED = "12/03/2024, 10:02 - Ann: hi\n12/03/2024, 10:03 - Bob: hello\n"
SAMPLES = {
    "text": [
        "",
        " \n",
        "\0\0\0",
        "Just a line",
        "The plan: we go. Note: it rains.\nWarning: stay in.\nRemember: three things.\n" * 8,
        'Ann said: "No."\nBob said: "Yes."\nAnn said: "Never."\nBob said: "Always."\n' * 4,
        "Summary: The court found.\nBackground: In 1998 a man.\nHolding: Yes.\nReason: It is so.\n",
        "Yes, no, maybe.\nHere, there, everywhere.\nOne, two, three.\nRed, green, blue.\n" * 3,
        "2024-01-01\nI went home. It was nice.\n2024-01-02\nI slept all day; nobody called.\n",
        "At 10:02 the train left. At 10:05 it stopped: snow.\nIn 1998 nobody knew why.\n" * 5,
        "第一章。他说：你好。她说：再见！\n天气很好，我们去公园；孩子们在玩。\n" * 5,
        "name: Bob\nage: 3\nhost: x\nuser: root\nmodel: gpt\n",
        "Name: Bob\nAge: 3\nCity: Rome\n\nName: Ann\nAge: 4\nCity: Paris\n\n" * 4,
        "From: a@b.c\nTo: d@e.f\nSubject: hello\n\nDear all,\nplease come: it is urgent.\n",
        "#!/bin/sh\n# comment\n\n# more\nset -e\n\nfor i in a b; do\n  echo $i\ndone\n",
        "# comment\n\n[section]\nkey: value\nother: thing\n",
        "Prose with one **bold** word and a [link](http://x.y). Nothing else here.\n",
        "- milk\n- eggs\n- bread\n",
        "Shall I compare thee to a summer's day?\nThou art more lovely and more temperate:\n" * 3,
    ],
    "markdown": [
        "# Project\n\nA tool.\n\n## Install\n\n```bash\npip install x\n```\n\nSee [docs](https://x.y).\n",
        "Results:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    ],
    "log": [
        "2015-07-29 17:41:44,747 - INFO  [QuorumPeer[myid=1]:FastLeaderElection@774] - x\n" * 3,
        "Jul 29 17:41:44 host sshd[123]: Failed password\nJul  9 17:41:45 host cron[1]: x\n",
        '127.0.0.1 - - [29/Jul/2015:17:41:44 +0000] "GET / HTTP/1.1" 200 12\n' * 3,
        "I0729 17:41:44.123456  123 file.cc:12] hello\nW0729 17:41:44.123456  1 f.cc:1] x\n",
        "1438191704 hello there\n1438191705 hello again\n1438191706.123 x\n",
        "[INFO] starting\n[ERROR] failed\n  at x\n[INFO] done\n",
        "081109 203615 148 INFO dfs.DataNode$PacketResponder: PacketResponder 1\n" * 2,
        "[    0.000000] Linux version\n[    1.234567] pci\n[   12.345678] usb\n",
        'time="2024-01-01T00:00:00Z" level=info msg="x"\n' * 2,
        "<34>1 2003-10-11T22:14:15.003Z mymachine su - ID47 - 'su root' failed\n" * 2,
    ],
    "chat": [
        "User: hi\nAssistant: hello\n",
        "Human: hi\n\nAssistant: hello, how\nare you\n",
        "Q: What is it?\nA: A test.\n\nQ: Why?\nA: Because.\n",
        "用户：你好吗？\n助手：我很好。\n用户：再见。\n",
        "Speaker 1 (00:10): hello there.\nSpeaker 2 (00:12): hi.\nSpeaker 1 (00:14): so.\n",
        "**User**: hi there\n\n**Assistant**: hello\n\n**User**: bye\n",
        "[10:02] <ann> hi\n[10:03] <bob> hello\n[10:04] <ann> bye\n[10:05] <bob> ok\n",
        STAMPED * 2,
        "ROMEO: But soft, what light.\nJULIET: Ay me!\n" * 4,
    ],
    "json": ['{"a":[1,2,3],"b":{"c":"d"}}'],
    "csv": ['name,age,bio\n"Ann",3,"likes\nlong lines, and commas"\nBob,4,"x"\nCy,5,"y"\n'],
    "html": ["<!DOCTYPE html><html><body><h1>x</h1><p>Hello.</p></body></html>"],
    "python": ['"""Doc."""\n# comment\n\nimport os\n\n\ndef f(x):\n    # - a\n    return x\n'],
}
CASES = [(name, sample) for name, samples in SAMPLES.items() for sample in samples]


@pytest.mark.parametrize(("name", "sample"), CASES)
def test_by_content(name: str, sample: str) -> None:
    assert detect_format(sample) == name
    assert detect_format(sample.replace("\n", "\r\n")) == name


@pytest.mark.parametrize(
    ("filename", "text", "name"),
    [
        ("a.md", "Plain prose.", "markdown"),
        ("dir.d/A.PY", "x = 1\n", "python"),
        ("a.log", "starting\nstopping\n", "log"),
        ("a.json", '{"cut": "sho', "json"),
        ("a.json", SAMPLES["log"][0], "log"),
        ("a.unknown", SAMPLES["chat"][0], "chat"),
        ("log", "Prose.", "text"),
        ("a.txt", SAMPLES["markdown"][0], "text"),
        ("a.csv", "", "csv"),
    ],
)
def test_a_files_ending_wins_unless_the_text_contradicts(
    filename: str, text: str, name: str
) -> None:
    assert detect_format(text, filename) == name


def test_only_a_bounded_beginning_is_looked_at() -> None:
    text = "A line of prose.\n" * (SAMPLE // 8)
    assert detect_format(text + SAMPLES["log"][0] * 1000) == "text"


def test_every_format_says_nothing_about_nothing() -> None:
    assert len(set(known_formats())) == len(known_formats())
