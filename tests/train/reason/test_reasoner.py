"""The reasoning layers: nothing at first, and nobody's business but the window's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[train]")

from training import FEATURES, PASSAGE_FEATURES, WIDTH, make

from cprs.critics.layers import Given, evidence_odds, interpret
from cprs.train.reason.collate import inputs_of
from cprs.train.reason.embedded import mix
from cprs.train.reason.reasoner import Outputs, Reasoner, Shape

torch.set_num_threads(1)
SHAPE = Shape(WIDTH, FEATURES, PASSAGE_FEATURES, width=12, layers=2, heads=2, feed=24)


@pytest.fixture
def given(tmp_path: Path) -> list[Given]:
    data = make(tmp_path, questions=4)
    return [data[number].given for number in range(len(data))]


def stirred() -> Reasoner:
    """A reasoner none of whose weights are zero."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = Reasoner(SHAPE)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    model.eval()
    return model


def read(model: Reasoner, given: list[Given]) -> Outputs:
    with torch.inference_mode():
        said: Outputs = model(inputs_of(given))
    return said


@pytest.mark.parametrize("short", [False, True])
def test_at_step_0_the_prior_is_all_there_is(given: list[Given], short: bool) -> None:
    with torch.autocast("cpu", torch.bfloat16, enabled=short):
        said = read(Reasoner(SHAPE), given)
    for row, window in enumerate(given):
        odds = said.odds[row, : len(window.odds)].numpy()
        assert odds.tobytes() == window.odds.tobytes()
        owner = np.repeat(window.odds, np.diff(window.units, axis=1)[:, 0])
        share = 1 / (1 + np.exp(-owner.astype(np.float64)))
        tags = said.tags[row, : len(owner)].softmax(-1).numpy()
        assert np.allclose(1 - tags[:, 2], share, atol=1e-6)
        assert np.allclose(tags[:, [0, 1, 3]], share[:, None] / 3, atol=1e-6)
        count = len(window.labels)
        labels = said.labels[row, : len(owner)].softmax(-1).numpy()
        assert np.allclose(labels[:, count + 1 :], 0)
        if count:
            assert np.allclose(labels[:, 1 : count + 1], share[:, None] / count, atol=1e-6)
    assert not said.correction.any()


def test_every_head_learns_something_else(given: list[Given]) -> None:
    said = read(stirred(), given)
    assert said.correction[0, : len(given[0].odds)].abs().min() > 0
    assert said.tags[0].std() > 0
    assert said.labels[0].std() > 0


def test_padding_changes_nothing(given: list[Given]) -> None:
    model = stirred()
    together = read(model, given)
    for row, window in enumerate(given):
        alone = read(model, [window])
        units, tokens, labels = len(window.odds), len(window.states), len(window.labels) + 1
        assert torch.allclose(together.odds[row, :units], alone.odds[0], atol=1e-5)
        assert torch.allclose(together.token_odds[row, :tokens], alone.token_odds[0], atol=1e-5)
        assert torch.allclose(together.tags[row, :tokens], alone.tags[0], atol=1e-5)
        found = together.labels[row, :tokens, :labels]
        assert torch.allclose(found, alone.labels[0][:, :labels], atol=1e-5)


def test_prompt_and_window_are_both_read(given: list[Given]) -> None:
    model = stirred()
    one, other = given[0], given[2]
    assert len(one.states)
    before = read(model, [one]).correction
    asked = Given(
        one.states,
        one.units,
        one.tokens,
        one.passages,
        one.odds,
        other.prompt,
        other.prompt_tokens,
        one.labels,
        one.kinds,
    )
    assert not torch.allclose(before, read(model, [asked]).correction, atol=1e-3)
    states = one.states.copy()
    states[-1] *= -3
    last = Given(
        states,
        one.units,
        one.tokens,
        one.passages,
        one.odds,
        one.prompt,
        one.prompt_tokens,
        one.labels,
        one.kinds,
    )
    # The last token changes the first passage: the layers look both ways.
    assert not torch.allclose(before[0, :1], read(model, [last]).correction[0, :1], atol=1e-5)


def test_a_passage_is_a_weighted_mean_of_its_own_tokens(given: list[Given]) -> None:
    said = read(stirred(), given[:1])
    steps = said.token_odds[0].numpy() - np.repeat(
        given[0].odds, np.diff(given[0].units, axis=1)[:, 0]
    )
    for unit, (a, b) in enumerate(given[0].units):
        found = float(said.correction[0, unit])
        assert steps[a:b].min() - 1e-5 <= found <= steps[a:b].max() + 1e-5


def test_an_empty_prompt_is_no_prompt(given: list[Given]) -> None:
    one = given[0]
    empty = Given(
        one.states,
        one.units,
        one.tokens,
        one.passages,
        one.odds,
        one.prompt[:0],
        one.prompt_tokens[:0],
        one.labels,
        one.kinds,
    )
    assert torch.isfinite(read(stirred(), [empty]).odds).all()


def test_kinds_weigh_in_as_in_use(tmp_path: Path) -> None:
    data = make(tmp_path, questions=4, kinds=2)
    asked = [data[number].given for number in range(len(data))]
    assert all(one.kinds and len(one.labels) == 2 for one in asked)
    model = stirred()
    together = read(model, asked).odds
    for row, one in enumerate(asked):
        with torch.inference_mode():
            heads = model.heads(inputs_of([one]))[0].numpy()
        said = interpret(one, heads)
        plain = one.odds + said.correction
        odds = evidence_odds(one, heads, said)
        assert np.abs(odds - plain).max() > 1e-3
        assert np.allclose(together[row, : len(odds)].numpy(), odds, atol=1e-4)


def test_weights_are_mixed_by_share() -> None:
    new, old = stirred(), Reasoner(SHAPE)
    want = 0.75 * new.evidence.weight + 0.25 * old.evidence.weight
    before = old.evidence.weight.clone()
    mix(new, old, share=0.25)
    assert torch.allclose(new.evidence.weight, want)
    assert torch.equal(old.evidence.weight, before)
