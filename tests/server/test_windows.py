"""What is known of model families."""

from pathlib import Path

import pytest
from cprs_server.config.settings import Price
from cprs_server.names import family_name, look_up
from cprs_server.prices import PRICES, price_of
from cprs_server.windows import FAMILIES, UNKNOWN, tokenizer_of, window_of

from cprs.tokens import counter_for


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("us.anthropic.claude-sonnet-4-6-v1:0", "claude-sonnet-4-6-v1:0"),
        ("anthropic/claude-opus-4.6", "claude-opus-4-6"),
        ("OpenAI/GPT-4o", "gpt-4o"),
        ("ft:gpt-4o-mini:team::1", "gpt-4o-mini:team::1"),
        ("accounts/x/models/glm-4.6", "glm-4.6"),
        ("mistral.mistral-large-2411", "mistral-large-2411"),
        ("", ""),
    ],
)
def test_family_names(model: str, family: str) -> None:
    assert family_name(model) == family


@pytest.mark.parametrize(
    ("model", "window"),
    [
        ("gpt-4o-2024-08-06", 128_000),
        ("gpt-4", 8_192),
        ("gpt-4-0613", 8_192),
        ("gpt-4-turbo-2024-04-09", 128_000),
        ("gpt-4-1106-preview", 128_000),
        ("gpt-4.1-mini", 1_047_576),
        ("gpt-5", 272_000),
        ("gpt-5.4", 922_000),
        ("gpt-5.4-mini", 272_000),
        ("gpt-5.9", 272_000),
        ("o3", 200_000),
        ("o3-mini", 200_000),
        ("claude-3-5-sonnet-20241022", 200_000),
        ("claude-sonnet-4-5", 200_000),
        ("anthropic/claude-sonnet-4.6", 1_000_000),
        ("gemini-2.5-pro", 1_048_576),
        ("text-embedding-3-small", 8_191),
        ("llama3:8b", 8_192),
        ("meta-llama/Llama-3.1-8B-Instruct", 128_000),
        ("my-own-model", None),
        ("o3x", None),
    ],
)
def test_windows(model: str, window: int | None) -> None:
    assert window_of(model) == window


def test_own_tables_come_first() -> None:
    assert window_of("gpt-4o", {"gpt-*": 5}) == 5
    assert window_of("gpt-4o", {"x-*": 5}) == 128_000
    price = price_of("gpt-4o", {"gpt-4o": Price(input=1)})
    assert price is not None
    assert price.input == 1


@pytest.mark.parametrize(
    ("model", "prompt", "cached"),
    [
        ("gpt-4o", 2.5, 1.25),
        ("gpt-4o-mini-2024-07-18", 0.15, 0.075),
        ("gpt-5-2025-08-07", 1.25, 0.125),
        ("claude-opus-4-1-20250805", 15, 1.5),
        ("claude-opus-4-5", 5, 0.5),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", 3, 0.3),
        ("o1", 15, 7.5),
    ],
)
def test_prices(model: str, prompt: float, cached: float) -> None:
    price = price_of(model)
    assert price is not None
    assert (price.input, price.cached) == (prompt, cached)


@pytest.mark.parametrize("model", ["my-own-model", "gpt-5.9", "gpt-6", "llama3"])
def test_no_price_is_made_up(model: str) -> None:
    assert price_of(model) is None


@pytest.mark.parametrize("table", [FAMILIES, PRICES])
def test_no_pattern_is_out_of_reach(table: tuple[tuple[str, object], ...]) -> None:
    patterns = [pattern for pattern, _ in table]
    for number, pattern in enumerate(patterns):
        if not any(c in pattern[:-1] for c in "*["):
            before = patterns[:number]
            assert look_up(pattern, ((p, p) for p in before)) is None, pattern
        assert pattern not in patterns[:number], pattern
        assert pattern == family_name(pattern), "no name ever looks like that"


def test_every_tokenizer_is_one_that_tiktoken_has() -> None:
    tiktoken = pytest.importorskip("tiktoken")
    named = {family.tokenizer for _, family in FAMILIES if family.tokenizer}
    assert named <= set(tiktoken.list_encoding_names())


@pytest.mark.parametrize(
    "model",
    ["/etc/passwd", "../x", "a/../b", "x.json", "a/x.json", "a/b/c", "~", "", "a b", "\0", "here"],
)
def test_a_clients_name_is_never_a_path(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert tokenizer_of(model) == UNKNOWN
    assert not counter_for(tokenizer_of(model)).exact


def test_a_name_that_may_be_in_the_cache() -> None:
    assert tokenizer_of("Qwen/Qwen3-8B") == "Qwen/Qwen3-8B"
    assert tokenizer_of("gpt-4o") == "o200k_base"
