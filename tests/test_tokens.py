from __future__ import annotations

import hashlib
import random
import threading
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs import OptionError
from cprs.checkpoint import cancelled_by
from cprs.errors import Cancelled
from cprs.tokens import TokenCounter, counter_for, estimate


def test_a_tokenizer_file_counts_exactly(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1, "[UNK]": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    for target in (tmp_path, tmp_path / "tokenizer.json"):
        counter = counter_for(str(target))
        assert counter.exact
        assert counter.count("a b, c \ud800") == 5


def test_a_broken_tokenizer_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text("{")
    with pytest.raises(OptionError, match=r"cannot read tokenizer .*tokenizer\.json"):
        counter_for(str(path))


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TokenCounter:
    """A made-up vocabulary of the right size in tiktoken's cache: nothing is downloaded."""
    import tiktoken.load
    import tiktoken.registry

    pieces = [bytes([i]) for i in range(256)]
    pieces += [a + b for a in pieces for b in pieces][: 50_256 - 256]
    ranks = b"".join(b64encode(piece) + b" %d\n" % i for i, piece in enumerate(pieces))
    url = "https://openaipublic.blob.core.windows.net/encodings/r50k_base.tiktoken"
    (tmp_path / hashlib.sha1(url.encode()).hexdigest()).write_bytes(ranks)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tiktoken.load, "check_hash", lambda data, expected: True)
    monkeypatch.setattr(tiktoken.registry, "ENCODINGS", {})
    return counter_for("davinci")


def test_tiktoken_is_used_when_its_file_is_here(pairs: TokenCounter) -> None:
    assert (pairs.name, pairs.exact) == ("r50k_base", True)
    # Bytes 6e 61 c3 af 76 65: the pairs 61c3 and 7665 rank first, c3af is not in the vocabulary.
    assert pairs.count("naïve") == 4


def test_long_texts_are_counted_in_steps(
    pairs: TokenCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(7)
    pieces = ["word", "Zoë", "don't", " ", "  ", "\n", "\n ", "12", ",", "。", "第一", "\u0301"]
    texts = ["".join(rng.choices(pieces, k=400)) for _ in range(30)] + ["", "one"]
    whole = [pairs.count(text) for text in texts]
    monkeypatch.setattr("cprs.tokens.STEP", 5)
    assert [pairs.count(text) for text in texts] == whole
    stop = threading.Event()
    stop.set()
    with cancelled_by(stop), pytest.raises(Cancelled):
        pairs.count(texts[0])


@pytest.mark.parametrize("model", ["gpt-4o", "claude-sonnet-4-5", "Qwen/Qwen2.5-7B-Instruct"])
def test_without_its_file_the_count_is_an_estimate(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    counter = counter_for(model)
    assert not counter.exact
    assert counter.name == model


# Tokens that o200k_base and cl100k_base (tiktoken 0.12) make of these texts, the larger of both.
COUNTED = {
    "The committee, chaired by Dr. Ann Lee, met on 3 May 2024.": 19,
    'def parse(self, text: str) -> list[int]:\n    return [int(x) for x in text.split(",")]\n': 25,
    '{"id": "5f2c9a1e-77b0-4a8e-9d5e-0c1b2a3f4d5e", "ok": true, "n": 12.5}': 53,
    "2015-07-29 17:41:44,747 - INFO  [QuorumPeer[myid=1]] - Notification time out: 3200": 35,
    "会议由李安博士主持，预算于五月三日获得批准。": 28,
    "Сегодня мы обсуждаем новый бюджет компании.": 21,
    "اليوم نناقش ميزانية الشركة الجديدة": 24,
    "Donaudampfschifffahrtsgesellschaft und Energieversorgungssicherheit": 22,
    "🎉🎉 done 👩‍👩‍👧‍👦": 24,
}


@pytest.mark.parametrize(("text", "counted"), COUNTED.items())
def test_an_estimate_errs_high(text: str, counted: int) -> None:
    assert counted <= estimate(text) <= min(2.5 * counted, 1.5 * counted + 6)


@settings(deadline=None)
@given(st.text(max_size=200), st.text(max_size=200))
def test_an_estimate_grows_with_the_text(first: str, second: str) -> None:
    assert estimate(first) <= estimate(first + "\n" + second) + 1
    assert (estimate(first) == 0) == (first == "")


def test_an_estimate_is_linear_on_odd_input() -> None:
    for text in ("a" * 200_000, "\u0301" * 200_000, " " * 200_000, "会" * 200_000, "!" * 200_000):
        assert estimate(text) > 10_000 or text.isspace()
