"""Losses against numbers worked out by hand."""

from __future__ import annotations

from math import exp, log

import pytest

torch = pytest.importorskip("torch", reason="needs cprs[train]")

from cprs.train.reason.loss import (
    anchor_loss,
    contrast_loss,
    evidence_loss,
    label_loss,
    ranking_loss,
    tag_loss,
)

NONE = torch.zeros(1, 1)


def near(value: float) -> object:
    return pytest.approx(value, abs=1e-5)


def test_evidence_at_even_odds_costs_one_bit() -> None:
    odds, weight = torch.zeros(1, 2), torch.ones(1, 2)
    target = torch.tensor([[1.0, 0.0]])
    assert float(evidence_loss(odds, target, weight, NONE)) == near(log(2))


def test_evidence_counts_by_weight_and_what_is_not_known_not_at_all() -> None:
    odds = torch.tensor([[2.0, -1.0, 50.0]])
    target = torch.tensor([[1.0, 0.0, 0.0]])
    weight = torch.tensor([[1.0, 3.0, 0.0]])
    expected = (log(1 + exp(-2)) + 3 * log(1 + exp(-1))) / 4
    assert float(evidence_loss(odds, target, weight, NONE)) == near(expected)


def test_smoothing_softens_evidence_and_leaves_the_rest() -> None:
    odds, weight = torch.tensor([[1.0, 1.0]]), torch.ones(1, 2)
    target = torch.tensor([[1.0, 0.0]])
    yes, no = log(1 + exp(-1)), log(1 + exp(1))
    found = evidence_loss(odds, target, weight, torch.tensor([[0.2]]))
    assert float(found) == near((0.8 * yes + 0.2 * no + no) / 2)


def test_tags_without_focus_or_smoothing_are_cross_entropy() -> None:
    logits = torch.tensor([[[0.0, log(3), 0.0, 0.0], [9.0, 9.0, 9.0, 9.0]]])
    target, weight = torch.tensor([[1, 0]]), torch.tensor([[1.0, 0.0]])
    assert float(tag_loss(logits, target, weight, NONE)) == near(log(2))


def test_focus_and_smoothing_of_tags() -> None:
    logits = torch.tensor([[[0.0, log(3), 0.0, 0.0]]])  # 1/6, 1/2, 1/6, 1/6
    target, weight = torch.tensor([[1]]), torch.ones(1, 1)
    focused = tag_loss(logits, target, weight, NONE, gamma=2.0)
    assert float(focused) == near(0.25 * log(2))
    smooth = tag_loss(logits, target, weight, torch.tensor([[0.4]]), gamma=1.0)
    expected = 0.5 * (0.6 * log(2) + 0.1 * (log(2) + 3 * log(6)))
    assert float(smooth) == near(expected)


def test_focus_has_a_slope_where_the_right_tag_is_certain() -> None:
    logits = torch.tensor([[[100.0, 0.0, 0.0, 0.0]]], requires_grad=True)
    tag_loss(logits, torch.tensor([[0]]), torch.ones(1, 1), NONE, gamma=0.5).backward()
    assert torch.isfinite(logits.grad).all()


def test_labels() -> None:
    logits = torch.tensor([[[0.0, 0.0], [0.0, log(4)]]])
    target = torch.tensor([[0, 1]])
    both = label_loss(logits, target, torch.ones(1, 2))
    assert float(both) == near((log(2) + log(5 / 4)) / 2)
    assert float(label_loss(logits, target, torch.zeros(1, 2))) == 0


def test_ranking_is_within_a_question() -> None:
    odds = torch.tensor([[2.0, 0.5], [1.8, -9.0], [9.0, 9.0]])
    target = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    known = torch.tensor([[True, True], [True, False], [True, True]])
    group = torch.tensor([4, 4, 7])  # the second question has no evidence
    found = ranking_loss(odds, target, known, group, margin=1.0)
    assert float(found) == near((0.0 + 0.8) / 2)
    assert float(ranking_loss(odds, 0 * target, known, group, margin=1.0)) == 0


def test_contrast_weighs_what_passages_stand_for() -> None:
    odds = torch.tensor([[1.0, 0.0], [0.0, 5.0]])
    target = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    weight = torch.tensor([[1.0, 1.0], [3.0, 0.0]])
    found = contrast_loss(odds, target, weight, torch.tensor([0, 0]))
    assert float(found) == near(-log(exp(1) / (exp(1) + 1 + 3)))


def test_anchor() -> None:
    correction = torch.tensor([[1.0, -2.0, 100.0]])
    assert float(anchor_loss(correction, torch.tensor([[True, True, False]]))) == near(2.5)
