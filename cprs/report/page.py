"""The page `--html` writes: what was kept, shaded by score, and what was dropped, folded.

One file that asks nobody for anything: styles and script are inside, and its content security
policy forbids the rest. Control characters are shown as their pictures, never sent as such.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterator, Sequence
from importlib import resources
from string import Template

from cprs._version import __version__
from cprs.assemble import Span
from cprs.files import STDIN, Source
from cprs.lines import Lines
from cprs.result import Compressed

GAP_LIMIT = 20_000
"""Characters of one dropped passage that are shown at most."""
PAGE_LIMIT = 4_000_000
"""Characters of dropped text on a page at most."""
_LEVELS = 10

# NUL and its like have no place in HTML. Tab and line feed do; a carriage return before a line
# feed shows nothing.
_VISIBLE = {code: 0x2400 + code for code in range(32) if code not in (9, 10)}
_VISIBLE[127] = 0x2421
_VISIBLE |= dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)
_VISIBLE |= dict.fromkeys((0xFFFE, 0xFFFF), 0xFFFD)


def report(sources: Sequence[Source], result: Compressed, *, query: str) -> bytes:
    """The page of a run over `sources`, as UTF-8."""
    page = _Page(result)
    spans: list[list[Span]] = [[] for _ in sources]
    for span in result.spans:
        spans[span.document].append(span)
    sections, contents, empty = [], [], []
    for number, (source, kept) in enumerate(zip(sources, spans, strict=True)):
        if kept or len(sources) == 1:
            sections.append(page.section(number, source, kept))
            contents.append((number, source, kept))
        else:
            empty.append(source)
    style, script = _part("page.css"), _part("page.js")
    scores = [span.score for span in result.spans] or [0.0]
    heading = query or "What was kept"
    text = Template(_part("page.html")).substitute(
        version=__version__,
        title=_escape(f"{heading[:80]} · cprs"),
        query=_escape(heading),
        numbers=_numbers(result),
        warnings=_warnings(result.warnings),
        low=f"{min(scores):.2f}",
        high=f"{max(scores):.2f}",
        swatches="<b>" + "".join(f'<i class="s{i}"></i>' for i in range(_LEVELS)) + "</b>",
        contents=_contents(contents) if len(sources) > 1 else "",
        sections="\n".join(sections) + _nothing_kept(empty),
        truncated="" if page.whole else "Long dropped passages are shown in part.",
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
    )
    return text.encode()


class _Page:
    """Writes sections, and keeps count of the dropped text shown so far."""

    def __init__(self, result: Compressed) -> None:
        scores = [span.score for span in result.spans] or [0.0]
        self._low, self._high = min(scores), max(scores)
        self._left = PAGE_LIMIT
        self._kept = 0
        self.whole = True

    def section(self, number: int, source: Source, spans: Sequence[Span]) -> str:
        body = "".join(self._body(source.text, spans))
        share = sum(span.end - span.start for span in spans) / max(1, len(source.text))
        return (
            f'<section aria-labelledby="d{number}"><h2 id="d{number}">{_escape(_name(source))} '
            f"<small>{share:.1%} of {len(source.text):,} characters kept</small></h2>"
            f'<div class="text">{body}</div></section>'
        )

    def _body(self, text: str, spans: Sequence[Span]) -> Iterator[str]:
        lines, end = Lines(text), 0
        for run in _runs(spans):
            yield self._gap(text, end, run[0].start, lines)
            yield '<div dir="auto">'
            yield from (self._mark(text, span, lines) for span in run)
            yield "</div>"
            end = run[-1].end
        yield self._gap(text, end, len(text), lines)

    def _mark(self, text: str, span: Span, lines: Lines) -> str:
        spread = self._high - self._low
        level = int((_LEVELS - 1) * (span.score - self._low) / spread + 0.5) if spread else 5
        line, body = lines.of(span.start), text[span.start : span.end]
        ending = "\n" if body.endswith("\n") else ""  # outside, so that a label stays on the line
        label = f' data-label="{_escape(span.label)}"' if span.label else ""
        mark = (
            f'<mark id="k{self._kept}" class="s{level}" data-at="{line}"{label} '
            f'title="line {line}, score {span.score:.3f}">{_escape(body)[: -1 if ending else None]}'
            f"</mark>{ending}"
        )
        self._kept += 1
        return mark

    def _gap(self, text: str, start: int, end: int, lines: Lines) -> str:
        if start >= end:
            return ""
        if text[start:end].isspace() and end - start < 80:
            return _escape(text[start:end].strip("\r\n"))
        first, last = lines.of(start), lines.of(end - 1)
        where = f"line {first}" if first == last else f"lines {first:,} to {last:,}"
        return (
            f'<details class="gap"><summary>{end - start:,} characters dropped, {where}</summary>'
            f'<div dir="auto">{self._dropped(text, start, end)}</div></details>'
        )

    def _dropped(self, text: str, start: int, end: int) -> str:
        room = min(GAP_LIMIT, self._left)
        if end - start <= room:
            self._left -= end - start
            return _escape(text[start:end])
        self.whole = False
        self._left -= room
        head, tail = room - room // 4, room // 4
        hidden = f'<span class="cut">{end - start - room:,} characters are not shown here</span>'
        return _escape(text[start : start + head]) + hidden + _escape(text[end - tail : end])


def _runs(spans: Sequence[Span]) -> Iterator[list[Span]]:
    """Spans that touch, together."""
    run: list[Span] = []
    for span in spans:
        if run and span.start > run[-1].end:
            yield run
            run = []
        run.append(span)
    if run:
        yield run


def _numbers(result: Compressed) -> str:
    rate = result.tokens_in / max(result.seconds, 1e-9)
    facts = [
        ("tokens in", f"{result.tokens_in:,}"),
        ("tokens out", f"{result.tokens_out:,}"),
        ("times shorter", f"{result.ratio:,.1f}"),
        ("seconds", f"{result.seconds:,.2f}"),
        ("tokens per second", f"{rate:,.0f}"),
        ("units kept", f"{sum(result.kept.values()):,}"),
        ("units dropped", f"{sum(result.dropped.values()):,}"),
        ("critic", result.critic),
    ]
    return "".join(f"<div><dt>{name}</dt><dd>{_escape(value)}</dd></div>" for name, value in facts)


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    return f'<ul class="warnings">{"".join(f"<li>{_escape(text)}</li>" for text in warnings)}</ul>'


def _contents(entries: Sequence[tuple[int, Source, list[Span]]]) -> str:
    items = "".join(
        f'<li><a href="#d{number}">{_escape(_name(source))}</a> ({len(kept):,} kept)</li>'
        for number, source, kept in entries
    )
    return f'<nav aria-label="Documents with kept text"><ol>{items}</ol></nav>'


def _nothing_kept(sources: Sequence[Source]) -> str:
    if not sources:
        return ""
    items = "".join(
        f"<li>{_escape(_name(source))} ({len(source.text):,} characters)</li>" for source in sources
    )
    return (
        f"<details><summary>{len(sources):,} documents of which nothing was kept</summary>"
        f"<ul>{items}</ul></details>"
    )


def _name(source: Source) -> str:
    return "standard input" if source.name == STDIN else source.name


def _escape(text: str) -> str:
    return html.escape(text.replace("\r\n", "\n").translate(_VISIBLE))


def _part(name: str) -> str:
    return resources.files("cprs.report").joinpath(name).read_text(encoding="utf-8")


def _hash(code: str) -> str:
    digest = hashlib.sha256(code.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
