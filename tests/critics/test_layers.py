"""What the layers' numbers mean, beside the prior."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.critics.layers import HEADS, Given, interpret, raised_labels, raised_tags


def window(rng: np.random.Generator, lengths: list[int], labels: int) -> Given:
    ends = np.cumsum(lengths)
    return Given(
        states=np.zeros((ends[-1], 4), np.float32),
        units=np.stack([ends - lengths, ends], axis=1),
        tokens=np.zeros((ends[-1], 2), np.float32),
        passages=np.zeros((len(ends), 3), np.float32),
        odds=rng.normal(-2, 2, len(ends)).astype(np.float32),
        prompt=np.zeros((2, 4), np.float32),
        prompt_tokens=np.zeros((2, 2), np.float32),
        labels=np.zeros((labels, 4), np.float32),
        kinds=False,
    )


lengths = st.lists(st.integers(1, 9), min_size=1, max_size=6)


@settings(deadline=None)
@given(lengths, st.integers(0, 4), st.integers(0, 99))
def test_zeros_mean_nothing_new(sizes: list[int], labels: int, seed: int) -> None:
    asked = window(np.random.default_rng(seed), sizes, labels)
    tokens = len(asked.states)
    said = interpret(asked, np.zeros((tokens, HEADS + labels), np.float32))
    share = np.repeat(1 / (1 + np.exp(-asked.odds.astype(float))), sizes)
    assert not said.correction.any()
    assert np.allclose(1 - said.tags[:, 2], share, atol=1e-6)
    assert said.labels.shape == (tokens, labels)
    if labels:
        assert np.allclose(said.labels.sum(axis=1), share, atol=1e-6)


@settings(deadline=None)
@given(lengths, st.integers(0, 4), st.integers(0, 99))
def test_a_correction_lies_among_its_tokens_values(
    sizes: list[int], labels: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    asked = window(rng, sizes, labels)
    heads = rng.normal(0, 3, (len(asked.states), HEADS + labels)).astype(np.float32)
    said = interpret(asked, heads)
    for (a, b), found in zip(asked.units, said.correction, strict=True):
        assert heads[a:b, 0].min() - 1e-6 <= found <= heads[a:b, 0].max() + 1e-6
    assert np.allclose(said.tags.sum(axis=1), 1, atol=1e-5)
    assert (said.labels >= 0).all()
    assert (said.labels.sum(axis=1) <= 1 + 1e-5).all()


def test_all_attention_on_one_token() -> None:
    asked = window(np.random.default_rng(0), [3, 2], 0)
    heads = np.zeros((5, HEADS), np.float32)
    heads[:, 0] = [1, 2, 4, 8, 16]
    heads[2, 1] = 50
    assert np.allclose(interpret(asked, heads).correction, [4, 12])


@settings(deadline=None)
@given(st.integers(0, 99), st.floats(0, 8))
def test_raised_tags_are_worth_that_much_more(seed: int, odds: float) -> None:
    logits = np.random.default_rng(seed).normal(0, 2, (5, 4))
    tags = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    more = raised_tags(tags.astype(np.float32), np.array([0, odds, odds, 0, odds]))
    assert np.allclose(more.sum(axis=1), 1, atol=1e-5)
    before, after = (np.log(1 - share[:, 2]) - np.log(share[:, 2]) for share in (tags, more))
    assert np.allclose(after - before, [0, odds, odds, 0, odds], atol=1e-2)
    assert np.allclose(more[:, 0] / more[:, 1], tags[:, 0] / tags[:, 1], rtol=1e-3)


@settings(deadline=None)
@given(st.integers(0, 99), st.floats(-6, 6))
def test_raised_labels_are_worth_that_much_more(seed: int, odds: float) -> None:
    logits = np.random.default_rng(seed).normal(0, 2, (5, 4))
    labels = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))[:, 1:]
    gains = np.zeros((5, 3))
    gains[:, 1] = odds
    more = raised_labels(labels.astype(np.float32), gains)
    assert (more.sum(axis=1) < 1).all()
    assert np.allclose(more[:, 0] / more[:, 2], labels[:, 0] / labels[:, 2], rtol=1e-3)
    gained = np.log(more[:, 1] / more[:, 0]) - np.log(labels[:, 1] / labels[:, 0])
    assert np.allclose(gained, odds, atol=1e-3)
