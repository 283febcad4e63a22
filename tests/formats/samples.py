"""Texts for the shared layout matrix. A format joins the matrix by adding its rows to `CASES`.

Each row is (format, sample): every granularity of the format is cut over the sample and over
mutations of it, and every layout must keep the laws checked in `test_layouts.py`.
"""

from __future__ import annotations

PROSE = (
    "Dr. Ada Lovelace (b. 1815) wrote the first program. It ran on paper; nobody minded.\n"
    'She said: "It works!" Then she left.\n\n'
    "The engine cost £17,000.50 — a sum no one had.  Costs, e.g. of brass, rose by 3.5 %.\n"
    "第一句话。第二句话！「他说：你好。」最后一句…\n"
    "क्षेत्र में पानी है। बस। مرحبا؟ نعم. 👩‍👩‍👧 family 🇩🇪🇫🇷 flags e\u0301te\u0301\r\n"
    "\u2028last line without end"
)
MARKDOWN = (
    "---\ntitle: Notes\n---\n\n# Title\n\nIntro one. Intro two.\n\n## Setup\n\n"
    "- first item. With two sentences.\n  - nested item\n- [x] done\n\n1. one\n2. two\n\n"
    "```python\ndef f():\n\n    return 1  # not a heading\n```\n\n### Table\n\n"
    "| a | b |\n|---|:-:|\n| 1 | 2 |\n| 3 | 4 |\n\nSetext\n======\n\n> quote one\n> quote two\n\n"
    "Final paragraph with `code` and **bold**.\n"
)
LOG = (
    "2015-07-29 17:41:44,747 - INFO  [QuorumPeer[myid=1]:FastLeaderElection@774] - Notify\n"
    "2015-07-29 17:41:45,001 - ERROR [main:Server@1] - boom\n"
    "java.lang.IllegalStateException: no\n\tat a.b.C.d(C.java:1)\n\tat a.b.C.e(C.java:2)\n"
    "Caused by: java.io.IOException\n\t... 3 more\n"
    "2015-07-29 17:41:46,200 - WARN  [main:Server@2] - recovered\n"
)
CHAT = (
    "User: How do I boil an egg? I have ten minutes.\n"
    "Assistant: Put it in boiling water. Wait.\n\nThen cool it.\n"
    "User: Thanks!\nAssistant: You are welcome. Enjoy.\n"
)

CASES: list[tuple[str, str]] = [
    ("text", PROSE),
    ("text", "Word " * 900 + "end. " + "x" * 2500 + " 漢" * 700 + "字" * 1500),
    ("markdown", MARKDOWN),
    ("markdown", PROSE),
    ("log", LOG),
    ("log", PROSE),
    ("chat", CHAT),
    ("chat", PROSE),
]
