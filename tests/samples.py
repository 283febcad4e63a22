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

JSON = (
    ' {"data": {"items": [\n    {"id": 1, "name": "Zo\\u00eb", "tags": ["a", "b"]},\n'
    '    {"id": 2, "name": "e\u0301\U0001f468\u200d\U0001f469", "tags": []}\n  ]},\n'
    '  "map": {"x": {"n": 1.5e3}, "y": {"n": null}}, "meta": {"n": true}, "long": "'
    + "word " * 300
    + '"}\n'
)
JSONL = '{"a": 1}\n\n[1, {"b": "\u0600x"}]\n' + '{"t": "' + "words and " * 150 + '"}\n3'
TABLE = 'id,name,note\n1,"Ann, B.","two\nlines"\n\n2,Zoe\u0301,"say ""hi"""\n3,"stray,x\n'
PYTHON = (
    '#!/usr/bin/env python\n"""Doc."""\nimport os\nfrom sys import (\n    argv,\n)\n\nX = 1\n\n\n'
    "# About f.\n@cache\ndef f(a,\n      b):\n    return a  # caf\u00e9\n\n\nclass A(B):\n"
    '    """Doc."""\n\n    y = 2\n\n    async def g(self):\n        def h():\n'
    "            pass\n        return h\n\n\ndef long():\n"
    + "".join(f"    if x == {i}:\n        call({i})\n" for i in range(60))
)
CURLY = (
    "/* caf\u00e9 */\nclass A {\n  // c\n  void f(int a,\n         int b) {\n    if (a) {\n"
    "      g();\n"
    "    } else {\n      h(); }\n  }\n};\nvoid m() {\n" + "  call(1); { x(); }\n" * 80 + "}\n"
    "int x=1;int y() {return 1;} int z() {return 2;}"
)
HTML = (
    "<!DOCTYPE html>\n<html><head><title>T</title><script>a<b</script></head><body>\n"
    "<nav><a href='#'>Home</a></nav><h1>One</h1>\n<p>Caf\u00e9 <b>bold</b>.<p>Next &amp; last"
    "<ul><li>a<ul><li>b</li></ul></li></ul><h2>Two</h2><table><tr><th>A</th></tr>"
    "<tr><td>1</td></tr></table><div>x<br>y<br><br>z <!-- c --></div><pre>\n  code\n</pre>"
    "<p>" + "A <i title='b. c'>sentence</i> here. " * 60 + "</p></body></html>\n"
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
    ("json", JSON),
    ("json", ' [1, [2, {}], "x"]'),
    ("json", ' "alone" '),
    ("jsonl", JSONL),
    ("csv", TABLE),
    ("csv", "sep=;\n1;2\n3;4\n"),
    ("csv", PROSE),
    ("tsv", TABLE.replace(",", "\t")),
    ("python", PYTHON),
    ("python", PROSE),
    *((name, CURLY) for name in ("javascript", "typescript", "tsx", "java", "go", "c", "cpp")),
    ("rust", CURLY),
    ("javascript", PROSE),
    ("html", HTML),
    ("html", PROSE),
]
