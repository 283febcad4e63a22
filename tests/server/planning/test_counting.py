from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cprs_server.planning.counting import LONG, Counting, Tally, bound, sampled
from hypothesis import given, settings
from hypothesis import strategies as st
from prompt_documents import CHINESE, CODE, CSV, GERMAN, JSON, LOG, MARKDOWN, REPORT, STORY

from cprs.errors import OptionError
from cprs.tokens import TokenCounter, estimate

TEXTS = (REPORT, STORY, LOG, CODE, MARKDOWN, CSV, JSON, CHINESE, GERMAN)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:12])
def test_whole_chunks_of_text_add_up(text: str) -> None:
    assert estimate(text * 3_000) == pytest.approx(3_000 * estimate(text), rel=0.01)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_has_a_quick_estimate(text: str) -> None:
    assert 0 <= estimate(text) <= 3 * bound(text) + 1
    assert bound(text) == len(text.encode("utf-8", "replace"))
    assert (estimate(text) == 0) == (text == "")


def test_some_tokenizers_cut_numbers_apart() -> None:
    assert estimate("1234567890", digits=1) > 10 > estimate("1234567890")
    counting = Counting(lambda name: TokenCounter(name, estimate, exact=False))
    text = "1234567890 " * 100
    assert counting.count(text, "Qwen/Qwen3-8B").tokens > 1_000
    assert counting.count(text, "gpt-5").tokens < 700


def words(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text))


@pytest.mark.parametrize("texts", [(REPORT,), TEXTS, (CSV, CHINESE)])
def test_samples_of_a_long_text_err_high_by_little(texts: tuple[str, ...]) -> None:
    joined = "\n\n".join(texts)
    text = joined * (2 * LONG // len(joined))
    assert words(text) <= sampled(text, words) <= 1.25 * words(text)


def test_long_texts_are_sampled_and_counts_remembered() -> None:
    calls: list[int] = []

    def count(text: str) -> int:
        calls.append(len(text))
        return words(text)

    counting = Counting(lambda name: TokenCounter(name, count, exact=True))
    assert counting.count(REPORT * 5, "x") == Tally(words(REPORT * 5), exact=True)
    assert counting.count(REPORT * 5, "x").exact
    assert len(calls) == 1
    assert not counting.count(REPORT * 1_000, "x").exact
    assert sum(calls[1:]) < LONG


def test_a_tokenizer_that_cannot_be_read_is_an_estimate() -> None:
    def broken(name: str) -> TokenCounter:
        raise OptionError("no such file")

    counting = Counting(broken)
    assert counting.count("Who?", "a.json") == Tally(estimate("Who?"), exact=False)
    assert counting.slack("claude-opus-5") > 1 == counting.slack("gpt-5")
    exact = Counting(lambda name: TokenCounter(name, words, exact=True))
    assert exact.slack("claude-opus-5") == 1


def test_megabytes_are_estimated_in_a_moment() -> None:
    text = (REPORT + CHINESE) * 4_000
    started = time.process_time()
    estimate(text)
    assert time.process_time() - started < 3


def test_a_tokenizer_is_loaded_once_whoever_asks() -> None:
    loads: list[str] = []
    going = threading.Event()

    def load(name: str) -> TokenCounter:
        loads.append(name)
        assert going.wait(10)
        return TokenCounter(name, words)

    counting = Counting(load)
    with ThreadPoolExecutor(8) as threads:
        found = [threads.submit(counting.counter, "m") for _ in range(8)]
        assert not counting.has("m")
        going.set()
        assert len({id(each.result()) for each in found}) == 1
    assert loads == ["m"]
    assert counting.has("m")
