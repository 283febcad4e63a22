"""The HTML page: safe, self-contained, and the same text as the result."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.assemble import Span
from cprs.files import Source
from cprs.report import GAP_LIMIT, report
from cprs.result import Compressed

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
NASTY = (
    "a</script><script>alert(1)</script>\0\x1b[31m\x08 <!-- & \"quoted\" 'x' ]]>\n\u202eRTL שלום"
)


def page(sources: Sequence[Source], spans: Sequence[Span], **more: object) -> str:
    result = Compressed(
        text="".join(sources[s.document].text[s.start : s.end] for s in spans),
        spans=tuple(spans),
        tokens_in=1000,
        tokens_out=10,
        seconds=0.5,
        critic="lexical",
        documents=tuple("" for _ in sources),
        kept={"sentence": len(spans)},
        dropped={"sentence": 7},
        warnings=("query shortened <b>",),
    )
    return report(sources, result, query=str(more.get("query", "Who?"))).decode()


class Marks(HTMLParser):
    """Text inside and outside of <mark>, scripts, and every address a page names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.kept: list[str] = []
        self.scripts = self.gaps = self.cuts = 0
        self.addresses: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.gaps += tag == "details"
        self.cuts += dict(attrs).get("class") == "cut"
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href", "action", "data")]
        assert not [k for k, _ in attrs if k == "style" or k.startswith("on")]
        if tag == "mark":
            self._inside = True
            self.kept.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "mark"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.kept[-1] += data


def test_nothing_escapes_and_nothing_is_requested() -> None:
    text = page([Source(f"<i>{NASTY}", NASTY * 3)], [Span(0, len(NASTY), NASTY, 0.5)], query=NASTY)
    seen = Marks(text)
    assert seen.scripts == 1
    assert all(address.startswith("#") for address in seen.addresses)
    assert "default-src 'none'" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)
    assert "␀␛[31m␈" in seen.kept[0]


@settings(deadline=None)
@given(st.text(min_size=1, max_size=60), st.data())
def test_marks_hold_exactly_what_was_kept(text: str, data: st.DataObject) -> None:
    cuts = sorted(
        data.draw(st.sets(st.integers(0, len(text)), min_size=2)) if len(text) > 1 else {0, 1}
    )
    spans = [
        Span(a, b, None, 0.1 * i % 1)
        for i, (a, b) in enumerate(zip(cuts[::2], cuts[1::2], strict=False))
    ]
    shown = Marks(page([Source("x", text)], spans)).kept
    plain = [text[s.start : s.end] for s in spans]
    assert len(shown) == len(plain)
    for seen, kept in zip(shown, plain, strict=True):
        if kept.isprintable():
            assert seen == kept
        assert len(seen) == len(kept.replace("\r\n", "\n").removesuffix("\n"))


def test_sections_gaps_and_documents_without_kept_text() -> None:
    sources = [
        Source("a.txt", "one two three four"),
        Source("b.txt", "nothing"),
        Source("c.txt", "five"),
    ]
    text = page(
        sources, [Span(4, 7, "fact", 0.9), Span(14, 18, None, 0.2), Span(0, 4, None, 0.4, 2)]
    )
    seen = Marks(text)
    assert seen.kept == ["two", "four", "five"]
    assert seen.gaps == 3  # "one ", " three ", and the documents of which nothing was kept
    assert "1 documents of which nothing was kept" in text
    assert 'data-label="fact"' in text
    assert 'title="line 1, score 0.900"' in text
    assert 'class="s9"' in text
    assert "query shortened &lt;b&gt;" in text


def test_long_gaps_are_shown_in_part_and_say_so() -> None:
    middle = "x" * (GAP_LIMIT * 10)
    text = page(
        [Source("a", f"kept{middle}kept")],
        [Span(0, 4, None, 1), Span(len(middle) + 4, len(middle) + 8, None, 1)],
    )
    seen = Marks(text)
    assert seen.cuts == 1
    assert f"{len(middle) - GAP_LIMIT:,} characters are not shown here" in text
    assert len(text) < 2 * GAP_LIMIT
    assert "shown in part" in text


def test_a_page_of_many_megabytes_stays_small_and_quick() -> None:
    line = "some dropped text that fills a line\n"
    source = Source("big", (line * 1000 + "KEPT\n") * 300)
    spans, at = [], 0
    for _ in range(300):
        at += len(line) * 1000
        spans.append(Span(at, at + 5, None, 0.5))
        at += 5
    text = page([source], spans)
    assert len(source.text) > 10_000_000
    assert len(text) < 6_000_000
    assert Marks(text).kept == ["KEPT"] * 300


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_a_browser_shows_it_without_a_complaint(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    text = page(
        [Source("a.txt", NASTY + " tail " * 50)], [Span(0, len(NASTY), None, 0.5)], query=NASTY
    )
    file.write_text(text, encoding="utf-8")
    dom, log = browse(file)
    assert dom.count("<mark") == 1
    assert '<p id="controls">' in dom  # the script ran under the page's own policy
    assert "alert(1)" in dom
    assert "Refused" not in log
    assert "violates" not in log
    assert "Uncaught" not in log


def browse(file: Path, *options: str) -> tuple[str, str]:
    """A page's DOM after its scripts ran, and the browser's log."""
    done = subprocess.run(
        [
            str(BROWSER),
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--enable-logging=stderr", f"--user-data-dir={file.parent / 'profile'}"),
            *("--virtual-time-budget=2000", *options, "--dump-dom", file.as_uri()),
        ],
        capture_output=True,
        timeout=60,
        check=True,
    )
    return done.stdout.decode(), done.stderr.decode(errors="replace")
