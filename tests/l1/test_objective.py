"""Objectives, with numbers worked by hand. tests/with_trainers has what TRL and verl say."""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs cprs[l1]")

from cprs.errors import OptionError
from cprs.l1.objective import (
    clipped_surrogate,
    group_advantages,
    kl_estimate,
    normaliser,
    policy_terms,
    token_entropy,
    token_logprobs,
)

torch.set_num_threads(1)


def tensor(values: Any) -> Any:
    return torch.tensor(values, dtype=torch.float64)


def test_advantages_by_hand() -> None:
    """Eq. (5): rewards 1, 0, 0, 1 have mean 1/2 and unbiased deviation sqrt(4 · 1/4 / 3)."""
    found = group_advantages(tensor([[1, 0, 0, 1], [1, 1, 1, 1]]), eps=0)
    one = 0.5 / sqrt(1 / 3)
    assert found[0].tolist() == pytest.approx([one, -one, -one, one])
    assert torch.isnan(found[1]).all()  # why the deviation needs something added
    assert group_advantages(tensor([[1, 1, 1, 1]])).tolist() == [[0, 0, 0, 0]]
    assert group_advantages(tensor([[1, 0]]), scale=False).tolist() == [[0.5, -0.5]]
    assert group_advantages(tensor([[1, 0]]), eps=0)[0].tolist() == pytest.approx(
        [sqrt(0.5), -sqrt(0.5)]
    )


def test_advantages_of_rewards_shaped_by_length() -> None:
    """Eq. (8): all wrong, two of them long: 0 six times, -1/2, -1."""
    shaped = tensor([[0] * 6 + [-0.5, -1]])
    mean = -1.5 / 8
    deviation = sqrt((6 * mean**2 + (-0.5 - mean) ** 2 + (-1 - mean) ** 2) / 7)
    found = group_advantages(shaped, eps=0)[0]
    assert found[0].item() == pytest.approx(-mean / deviation)
    assert [round(value, 2) for value in found.tolist()[-3:]] == [0.5, -0.84, -2.18]


def test_a_group_of_one_is_an_error() -> None:
    with pytest.raises(OptionError, match="at least 2"):
        group_advantages(tensor([[1.0]]))
    with pytest.raises(OptionError, match="at least 2"):
        group_advantages(tensor([1.0, 0.0]))


def test_log_probabilities_and_entropy_by_hand() -> None:
    """Logits 0 and log 3 are probabilities 1/4 and 3/4; at temperature 1/2, 1/10 and 9/10."""
    logits = tensor([[[0, log(3)]]])
    ids = torch.tensor([[1]])
    assert token_logprobs(logits, ids).item() == pytest.approx(log(3 / 4))
    assert token_logprobs(logits, ids, temperature=0.5).item() == pytest.approx(log(9 / 10))
    by_hand = -(0.25 * log(0.25) + 0.75 * log(0.75))
    assert token_entropy(logits).item() == pytest.approx(by_hand)


def test_the_divergence_estimate_by_hand() -> None:
    """p = 1/2, q = 1/4: q/p - log(q/p) - 1 = 1/2 + log 2 - 1; none where they agree."""
    found = kl_estimate(tensor([log(0.5), log(0.5)]), tensor([log(0.25), log(0.5)]))
    assert found.tolist() == pytest.approx([0.5 + log(2) - 1, 0])


def test_clipping_by_hand() -> None:
    """Eq. (6) with 0.2 and 0.28: ratios 1.5 and 0.5, advantages 1 and -1."""
    ratio, advantage = tensor([1.5, 1.5, 0.5, 0.5, 1.25]), tensor([1, -1, 1, -1, 1])
    found, held = clipped_surrogate(ratio, advantage, low=0.2, high=0.28)
    assert found.tolist() == pytest.approx([1.28, -1.5, 0.5, -0.8, 1.25])
    assert held.tolist() == [True, False, False, True, False]


OLD = [[log(0.5), log(0.5)], [log(0.2), 0]]
NEW = [[log(0.6), log(0.4)], [log(0.3), 0]]
MASK = [[1, 1], [1, 0]]
"""Ratios 1.2 and 0.8, advantage 1: 1.2 and 0.8. Ratio 1.5, advantage -2: -3."""


def terms(aggregation: str, **options: Any) -> Any:
    mask = tensor(MASK)
    divisor = normaliser(mask.sum(-1), aggregation=aggregation)
    return policy_terms(
        tensor(NEW),
        tensor(OLD),
        tensor([1, -2]),
        mask,
        divisor=divisor,
        aggregation=aggregation,
        **options,
    )


def test_dapo_by_hand() -> None:
    """Eq. (6): -(1.2 + 0.8 - 3) / 3 tokens."""
    found = terms("token")
    assert found.loss.item() == pytest.approx(1 / 3)
    assert found.clipped == 0
    assert terms("token", low=0.1, high=0.1).clipped == 1  # 1.2 at advantage 1, held at 1.1


def test_grpo_by_hand() -> None:
    """Eq. (4): -((1.2 + 0.8) / 2 - 3 / 1) / 2 outputs; with β = 0.1 and a reference at 1/2 of
    each probability, KL = 1/2 + log 2 - 1 at each token comes off each output's mean."""
    assert terms("sequence").loss.item() == pytest.approx(1.0)
    halved = tensor(NEW) - log(2)
    found = terms("sequence", beta=0.1, reference=halved)
    kl = 0.5 + log(2) - 1
    assert found.loss.item() == pytest.approx(1 + 0.1 * kl)
    assert found.kl == pytest.approx(3 * kl)


def test_entropy_adds_and_drift_is_seen() -> None:
    entropy = tensor([[1, 2], [3, 100]])
    found = terms("token", entropy=entropy, entropy_weight=0.5)
    assert found.loss.item() == pytest.approx(1 / 3 - 0.5 * (1 + 2 + 3) / 3)
    assert found.entropy == 6
    by_hand = sum(old / new + log(new / old) - 1 for old, new in ((5, 6), (5, 4), (2, 3)))
    assert found.drift == pytest.approx(by_hand)


@pytest.mark.parametrize("aggregation", ["token", "sequence"])
def test_micro_batches_add_up_to_the_batch(aggregation: str) -> None:
    torch.manual_seed(0)
    new = torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    old, advantages = torch.randn(6, 5, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    mask = (torch.arange(5) < torch.tensor([[5], [1], [3], [2], [4], [5]])).double()
    divisor = normaliser(mask.sum(-1), aggregation=aggregation)

    def loss(part: slice) -> Any:
        return policy_terms(
            new[part],
            old[part],
            advantages[part],
            mask[part],
            divisor=divisor,
            aggregation=aggregation,
        ).loss

    whole = torch.autograd.grad(loss(slice(0, 6)), new)[0]
    parts = sum(torch.autograd.grad(loss(slice(i, i + 2)), new)[0] for i in (0, 2, 4))
    assert torch.allclose(whole, parts, atol=1e-12)


def test_ratios_without_end_stay_finite() -> None:
    found = policy_terms(
        tensor([[0.0]]), tensor([[-1e4]]), tensor([-1.0]), tensor([[1]]), divisor=1
    )
    assert found.loss.item() == pytest.approx(exp(20))


def test_a_batch_of_nothing_is_an_error() -> None:
    with pytest.raises(OptionError, match="without a single output token"):
        normaliser(tensor([0, 0]), aggregation="token")
    with pytest.raises(OptionError, match="unknown aggregation"):
        normaliser(tensor([1]), aggregation="batch")
