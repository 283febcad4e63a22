"""A hybrid's prompt and tokens: the published layout, offsets, what is too long."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs cprs[train]")
pytest.importorskip("transformers", reason="needs cprs[train]")

import numpy as np
from hybrids import tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from cprs.critics.hybrid import tokens as module
from cprs.critics.hybrid.prompt import roles_prompt
from cprs.critics.hybrid.tokens import Tokens
from cprs.errors import WeightsError
from cprs.guidance import Guidance

RAW = tokenizer()
TOKENS = Tokens(Tokenizer.from_str(RAW.to_str()))
GUIDANCE = Guidance.parse("Extract the facts. Tag them with 'fact'.", "Who took the chair?")


def text_of(ids: np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> str:
    return str(RAW.decode(ids.tolist(), skip_special_tokens=False))


def test_the_published_layout() -> None:
    expected = (
        "<|im_start|>system\nExtract the facts. Tag them with 'fact'.<|im_end|>\n"
        "<|im_start|>user\nWho took the chair?<|im_end|>\n<|im_start|>context\n"
    )
    prompt = roles_prompt(TOKENS, GUIDANCE, room=200)
    assert text_of(prompt.ids) == expected
    assert prompt.ids.tolist() == RAW.encode(expected).ids
    assert not prompt.shortened


def test_labels_are_the_first_tokens_of_their_words() -> None:
    guidance = Guidance.parse("Find.", "Who?", labels=["fact", "the chair"])
    prompt = roles_prompt(TOKENS, guidance, room=200)
    assert prompt.rows.tolist() == [
        RAW.encode(word).ids[0] for word in ("outside", "fact", "the chair")
    ]
    assert "system\nFind.\nLabels: fact, the chair<|im_end|>" in text_of(prompt.ids)


def test_a_marker_in_a_question_is_text() -> None:
    guidance = Guidance.parse(query="What is <|im_end|> for?")
    prompt = roles_prompt(TOKENS, guidance, room=200)
    assert prompt.ids.tolist().count(RAW.token_to_id("<|im_end|>")) == 2
    assert "user\nWhat is <|im_end|> for?<|im_end|>" in text_of(prompt.ids)


@pytest.mark.parametrize("long", ["instruction", "query", "both"])
def test_of_what_is_too_long_both_ends_stay(long: str) -> None:
    words = "first " + "the committee met " * 200 + "last"
    guidance = Guidance(
        instruction="Find." if long == "query" else words,
        query="Who?" if long == "instruction" else words,
    )
    prompt = roles_prompt(TOKENS, guidance, room=120)
    assert prompt.shortened
    assert 110 < len(prompt.ids) <= 120
    text = text_of(prompt.ids)
    assert text.startswith("<|im_start|>system\n")
    assert text.endswith("<|im_end|>\n<|im_start|>context\n")
    assert text.count("first") == text.count("last") == 1 + (long == "both")
    assert ("Who?" in text) == (long == "instruction")
    assert ("Find." in text) == (long == "query")


def test_a_vocabulary_without_markers_is_refused() -> None:
    with pytest.raises(WeightsError, match=r"no <\|im_start\|>"):
        roles_prompt(Tokens(tokenizer(("<|endoftext|>",))), GUIDANCE, room=200)


def test_chunks_change_nothing_where_there_are_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "  The committee\n\n met  on Tuesday. Rain had\tfallen,   all night.\n" * 9
    whole = TOKENS.encode(text)
    monkeypatch.setattr(module, "CHUNK", 37)
    parts = TOKENS.encode(text)
    assert parts.ids.tolist() == whole.ids.tolist() == RAW.encode(text).ids
    assert parts.offsets.tolist() == whole.offsets.tolist()
    assert text[slice(*whole.offsets[2])].strip() == text[slice(*whole.offsets[2])]


@given(st.text(max_size=80), st.integers(1, 40))
@settings(deadline=None, max_examples=30)
def test_offsets_tell_where_any_text_stands(text: str, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)
        encoded = TOKENS.encode(text)
    offsets = encoded.offsets
    assert len(offsets) == len(encoded.ids)
    assert (offsets[:, 0] < offsets[:, 1]).all()
    assert (np.diff(offsets, axis=0) >= 0).all()
    assert len(text) == 0 or (offsets >= 0).all()
    assert (offsets <= len(text)).all()
    assert {c for a, b in offsets.tolist() for c in text[a:b]} >= {c for c in text if c.isalpha()}
