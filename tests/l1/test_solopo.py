"""SoLoPO's three losses with numbers worked by hand, and eq. (11)."""

from __future__ import annotations

import json
from math import exp, log, log1p
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs cprs[l1]")

from cprs.errors import OptionError, TextError
from cprs.l1.sft import read_triplets, sft_loss
from cprs.l1.solopo import Answered, orpo_reward, solo_loss

torch.set_num_threads(1)


def answered(total: float, length: int, reference: float | None = None) -> Any:
    def one(value: float) -> Any:
        return torch.tensor([value], dtype=torch.float64, requires_grad=True)

    return Answered(one(total), one(length), None if reference is None else one(reference).detach())


def softplus(x: float) -> float:
    return log1p(exp(x))


def odds(mean: float) -> float:
    return mean - log(1 - exp(mean))


def test_dpo_by_hand() -> None:
    """β = 0.1, rewards 0.1(-4 + 5) = 0.1 and 0.1(-6 + 5) = -0.1 on the short text, 0.1(-7 + 5) =
    -0.2 on the long: -log σ(0.2) + 3 · 0.3."""
    chosen, rejected = answered(-4, 2, -5), answered(-6, 2, -5)
    found = solo_loss("dpo", chosen, rejected, answered(-7, 2, -5), alpha=3, beta=0.1)
    assert found.preference.item() == pytest.approx(softplus(-0.2))
    assert found.alignment.item() == pytest.approx(0.3)
    assert found.loss.item() == pytest.approx(softplus(-0.2) + 0.9)
    assert found.correct == 1


def test_simpo_by_hand() -> None:
    """β = 2, γ = 0.5: rewards 2 · -4/2 = -4, 2 · -6/4 = -3 and, long, 2 · -7/2 = -7."""
    found = solo_loss("simpo", answered(-4, 2), answered(-6, 4), answered(-7, 2), beta=2, gamma=0.5)
    assert found.preference.item() == pytest.approx(softplus(1 + 0.5))
    assert found.alignment.item() == pytest.approx(3)
    assert found.loss.item() == pytest.approx(softplus(1.5) + 3)
    assert found.correct == 0


def test_orpo_by_hand() -> None:
    """λ = 0.1: 4/2 per token, and the log odds of e^-2, e^-1.5 and e^-3.5."""
    found = solo_loss("orpo", answered(-4, 2), answered(-6, 4), answered(-7, 2), odds=0.1)
    preference = 2 + 0.1 * softplus(odds(-1.5) - odds(-2))
    assert found.preference.item() == pytest.approx(preference)
    assert found.alignment.item() == pytest.approx(odds(-2) - odds(-3.5))
    assert found.loss.item() == pytest.approx(preference + odds(-2) - odds(-3.5))


def test_without_a_long_text_it_is_the_plain_method() -> None:
    for method in ("simpo", "orpo"):
        plain = solo_loss(method, answered(-4, 2), answered(-6, 4), None)
        weightless = solo_loss(method, answered(-4, 2), answered(-6, 4), answered(-7, 2), alpha=0)
        assert plain.loss.item() == plain.preference.item() == weightless.loss.item()


def test_at_the_reference_policy_dpo_aligns_nothing_and_the_others_do() -> None:
    """Rewards of DPO are all 0 there, whatever the two texts: no value, no gradient."""
    for method, moves in (("dpo", False), ("simpo", True), ("orpo", True)):
        short, long = answered(-4, 2, -4), answered(-7, 2, -7)
        found = solo_loss(method, short, answered(-6, 2, -6), long)
        slope = torch.autograd.grad(found.alignment, long.logprobs, allow_unused=True)[0]
        assert (found.alignment.item() > 0) is moves
        assert bool(slope.item()) is moves


def test_the_short_text_can_be_held() -> None:
    for held in (False, True):
        short, long = answered(-4, 2), answered(-7, 2)
        found = solo_loss("simpo", short, answered(-6, 2), long, detach_short=held)
        slope = torch.autograd.grad(
            found.alignment, [short.logprobs, long.logprobs], allow_unused=True
        )
        assert slope[1] is not None
        assert (slope[0] is None or slope[0].item() == 0) is held


def test_certain_answers_keep_finite_odds() -> None:
    sure = answered(0, 1)
    reward = orpo_reward(sure)
    reward.sum().backward()
    assert torch.isfinite(reward).all()
    assert torch.isfinite(sure.logprobs.grad).all()


def test_what_cannot_be() -> None:
    with pytest.raises(OptionError, match="unknown method"):
        solo_loss("ppo", answered(-1, 1), answered(-1, 1), None)
    with pytest.raises(OptionError, match="reference policy"):
        solo_loss("dpo", answered(-1, 1), answered(-1, 1), None)


def test_the_warm_up_by_hand() -> None:
    """Eq. (11): outputs of 2 tokens at -1 and -3, and of one at -4: (2 + 4) / 2."""
    logprobs = torch.tensor([[-1.0, -3.0], [-4.0, -9.0]])
    mask = torch.tensor([[1, 1], [1, 0]])
    assert sft_loss(logprobs, mask, sequences=2).item() == 3
    parts = sum(
        sft_loss(logprobs[i : i + 1], mask[i : i + 1], sequences=2).item() for i in range(2)
    )
    assert parts == 3


def test_triplets_are_read_and_what_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    good = {"uid": "a", "question": "q", "answers": ["x"], "output": "</think>the answer is x"}
    path.write_text(json.dumps(good) + "\n")
    assert read_triplets(path)[0].output == good["output"]
    for wrong, says in (
        ({**good, "output": " "}, "needs an output"),
        ({**good, "output": None}, "needs an output"),
        ({k: v for k, v in good.items() if k != "output"}, "needs an output"),
        ({k: v for k, v in good.items() if k != "answers"}, "needs 'answers'"),
        ({**good, "more": 1}, "unknown name 'more'"),
        ({**good, "answers": []}, "has no answer"),
        ({**good, "answers": "letters"}, "answers must be a list"),
    ):
        path.write_text(json.dumps(good) + "\n" + json.dumps(wrong))
        with pytest.raises(TextError, match=rf"t\.jsonl:2: .*{says}"):
            read_triplets(path)
    path.write_text("")
    with pytest.raises(TextError, match="holds no triplet"):
        read_triplets(path)
