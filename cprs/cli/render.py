"""A result as bytes: the text, or JSON."""

from __future__ import annotations

import json

from cprs.files import STDIN, Sources
from cprs.lines import Lines
from cprs.result import Compressed


def as_text(sources: Sources, result: Compressed) -> bytes:
    """The kept text as UTF-8, byte for byte; of several files, each part under its name."""
    if len(sources.files) == 1:
        return _utf8(result.text)
    parts = [
        f"==> {_name(source.name)} <==\n{kept}" + ("" if kept.endswith("\n") else "\n")
        for source, kept in zip(sources.files, result.documents, strict=True)
        if kept
    ]
    return _utf8("\n".join(parts))


def as_json(sources: Sources, result: Compressed, query: str | None) -> bytes:
    """Everything known about a run, as one JSON object (docs/cli.md)."""
    lines = [Lines(source.text) for source in sources.files]
    value = {
        "text": result.text,
        "query": query,
        "tokens_in": result.tokens_in,
        "tokens_out": result.tokens_out,
        "ratio": round(result.ratio, 3),
        "seconds": round(result.seconds, 4),
        "critic": result.critic,
        "effort": result.effort,
        "windows": result.windows,
        "windows_read": result.windows_read,
        "kept": dict(result.kept),
        "dropped": dict(result.dropped),
        "timings": {stage: round(seconds, 4) for stage, seconds in result.timings.items()},
        "warnings": list(result.warnings),
        "spans": [
            {
                "document": sources.files[span.document].name,
                "start": span.start,
                "end": span.end,
                "line": lines[span.document].of(span.start),
                "end_line": lines[span.document].of(max(span.start, span.end - 1)),
                "label": span.label,
                "score": round(span.score, 4),
                "text": sources.files[span.document].text[span.start : span.end],
            }
            for span in result.spans
        ],
        "documents": [
            {"document": source.name, "characters": len(source.text), "text": kept}
            for source, kept in zip(sources.files, result.documents, strict=True)
        ],
        "skipped": [{"document": item.name, "reason": item.reason} for item in sources.skipped],
    }
    try:
        return (json.dumps(value, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8, but JSON can spell it
        return (json.dumps(value) + "\n").encode()


def _name(name: str) -> str:
    return "standard input" if name == STDIN else name


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
