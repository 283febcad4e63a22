"""Long work can be cancelled anywhere: no format, tokenizer or count goes on for long unasked."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import CASES

from cprs import Compressor
from cprs.checkpoint import cancellable, cancelled_by, checkpoint, is_cancelled
from cprs.document import Document
from cprs.errors import Cancelled
from cprs.request import Request

SAMPLES = dict(reversed(CASES))  # the first of each format
FORMATS = ["text", "markdown", "log", "chat", "json", "jsonl", "csv", "python", "c", "html"]


def long(format: str, length: int) -> str:
    """A text of a format, about as long."""
    sample = SAMPLES[format].strip("\n")
    times = max(1, length // len(sample))
    if format == "json":
        return f"[{','.join([sample] * times)}]"
    return "\n".join([sample] * times)


class Looked(threading.Event):
    """An event that is set from the `after`th look at it on, and knows the longest time of its
    thread's own between two looks."""

    def __init__(self, after: float = float("inf")) -> None:
        super().__init__()
        self.after = after
        self.looks = 0
        self.longest = 0.0
        self.last = time.thread_time()

    def is_set(self) -> bool:
        now = time.thread_time()
        self.longest = max(self.longest, now - self.last)
        self.last = now
        self.looks += 1
        return self.looks > self.after


def test_work_that_nobody_can_cancel() -> None:
    checkpoint()
    assert not is_cancelled()
    assert list(cancellable(range(5000))) == list(range(5000))


def test_only_the_inner_block_is_cancelled() -> None:
    with cancelled_by(Looked()):
        with cancelled_by(Looked(0)), pytest.raises(Cancelled, match="nothing was kept"):
            checkpoint()
        checkpoint()


@pytest.mark.parametrize(
    ("format", "granularity"),
    [*((format, None) for format in FORMATS), ("text", "word"), ("markdown", "line")],
)
def test_a_long_cut_looks_up_often(format: str, granularity: str | None) -> None:
    """The longest time between two looks is a small share of the whole."""
    text = long(format, 60_000)
    request = Request.of([text], query="Who?", formats=format, granularity=granularity)
    shares = []
    for _ in range(3):  # a grammar may be loaded, garbage collected
        event, start = Looked(), time.thread_time()
        with cancelled_by(event):
            Document.cut(request, 0, Compressor("lexical").critic)
            checkpoint()
        shares.append(event.longest / (time.thread_time() - start))
        if shares[-1] < 0.25:
            break
    assert min(shares) < 0.25


@settings(deadline=None, max_examples=15)
@given(format=st.sampled_from(FORMATS), share=st.floats(0, 0.99))
def test_a_cut_ends_where_it_is_cancelled(format: str, share: float) -> None:
    compressor = Compressor("lexical")
    text, whole = long(format, 5_000), Looked()
    compressor.compress(text, query="Who?", ratio=2.0, format=format, cancel=whole)
    event = Looked(int(whole.looks * share))
    with pytest.raises(Cancelled):
        compressor.compress(text, query="Who?", ratio=2.0, format=format, cancel=event)
    assert event.looks <= event.after + 3
