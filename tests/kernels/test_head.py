"""The critic's heads against the same in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cprs_kernels import ShapeError, UnavailableError
from cprs_kernels.head import Heads, critic_head
from exactness import IMPLEMENTATIONS, numbers

# The interpreter computes with numpy, which warns where a GPU gives an infinity.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
EPSILON = 1e-6
# Tokens, width and label rows.
SHAPES = [(0, 8, 2), (1, 1, 1), (5, 37, 0), (70, 96, 3), (3, 300, 13)]
NEAR = {"float32": 1e-5, "float16": 4e-3, "bfloat16": 3e-2}


def weights(h: int, rows: int, *, kind: str = "float32", device: Any = None) -> dict[str, Any]:
    options: dict[str, Any] = {"kind": kind, "device": device}
    return {
        "norm_weight": numbers(h, **options, seed=1) + 1,
        "tag_weight": numbers(4, h, **options, seed=2) / h**0.5,
        "tag_bias": numbers(4, **options, seed=3),
        "label_weight": numbers(rows, h, **options, seed=4) / h**0.5 if rows else None,
    }


def exact_heads(
    hidden: Any,
    norm_weight: Any,
    tag_weight: Any,
    tag_bias: Any,
    label_weight: Any = None,
    normaliser: Any = None,
) -> Heads:
    """Logarithms of probabilities."""
    x = hidden.double()
    x = x / (x.square().mean(-1, keepdim=True) + EPSILON).sqrt() * norm_weight.double()
    tags = (x @ tag_weight.double().T + tag_bias.double()).log_softmax(-1)
    if label_weight is None:
        return Heads(tags, None)
    logits = x @ label_weight.double().T
    if normaliser is None:
        return Heads(tags, logits.log_softmax(-1))
    return Heads(tags, (logits - normaliser.double()[:, None]).clamp(max=0))


def near(actual: Heads, exact: Heads, within: float) -> None:
    """Both are logarithms, or both probabilities."""
    for a, b in ((actual.tags, exact.tags), (actual.labels, exact.labels)):
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert a.dtype == torch.float32
            assert a.shape == b.shape
            assert not a.numel() or (a.double() - b).abs().max().item() <= within


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("kind", NEAR)
@pytest.mark.parametrize("shape", SHAPES)
def test_probabilities(
    device: Any, implementation: Any, kind: str, shape: tuple[int, int, int]
) -> None:
    n, h, rows = shape
    hidden = numbers(n, h, kind=kind, device=device) * 5
    given = weights(h, rows, kind=kind, device=device)
    said = critic_head(hidden, epsilon=EPSILON, **given, implementation=implementation)
    exact = exact_heads(hidden, **given)
    labels = None if exact.labels is None else exact.labels.exp()
    near(said, Heads(exact.tags.exp(), labels), NEAR[kind])
    if n:
        assert torch.allclose(said.tags.sum(-1), torch.ones(n, device=device))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("log", [False, True])
def test_labels_among_all_words(device: Any, implementation: Any, log: bool) -> None:
    hidden, given = numbers(9, 40, device=device), weights(40, 3, device=device)
    normaliser = numbers(9, device=device, seed=5) + 2
    said = critic_head(
        hidden, epsilon=EPSILON, **given, normaliser=normaliser, log=log,
        implementation=implementation,
    )  # fmt: skip
    exact = exact_heads(hidden, **given, normaliser=normaliser)
    assert exact.labels is not None
    assert (exact.labels == 0).any(), "some logits stand above their normaliser"
    near(said, exact if log else Heads(exact.tags.exp(), exact.labels.exp()), 1e-5)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_logarithms_stay_exact_where_probabilities_vanish(device: Any, implementation: Any) -> None:
    hidden, given = numbers(5, 24, device=device), weights(24, 2, device=device)
    given["tag_weight"] = given["tag_weight"] * 100
    said = critic_head(hidden, epsilon=EPSILON, **given, log=True, implementation=implementation)
    exact = exact_heads(hidden, **given)
    assert exact.tags.min() < -200
    near(said, exact, 1e-3)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("size", [0.0, 1e-30, 1e14, 1e16, 1e21, 3e38])
def test_hidden_states_of_any_size(device: Any, implementation: Any, size: float) -> None:
    """Larger numbers come first in one row, and last in another."""
    hidden = numbers(6, 150, device=device).clamp(-1, 1) * size
    hidden[2, :140] *= 1e-10
    hidden[3, 10:] *= 1e-10
    given = weights(150, 2, device=device)
    said = critic_head(hidden, epsilon=EPSILON, **given, log=True, implementation=implementation)
    near(said, exact_heads(hidden, **given), 1e-4)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_what_is_not_a_number_stays_in_its_row(
    device: Any, implementation: Any, bad: float
) -> None:
    hidden, given = numbers(3, 40, device=device), weights(40, 2, device=device)
    hidden[1, 7] = bad
    said = critic_head(hidden, epsilon=EPSILON, **given, implementation=implementation)
    assert said.labels is not None
    for made in (said.tags, said.labels):
        assert made[1].isnan().all()
        assert made[[0, 2]].isfinite().all()


@pytest.mark.parametrize("rows", [0, 3])
@pytest.mark.parametrize("log", [False, True])
def test_gradients(device: Any, rows: int, log: bool) -> None:
    hidden, given = numbers(9, 20, device=device), weights(20, rows, device=device)
    given["normaliser"] = numbers(9, device=device, seed=5) + 20 if rows else None
    leaves = {"hidden": hidden, **given}
    leaves = {k: v.clone().requires_grad_() for k, v in leaves.items() if v is not None}
    said = critic_head(
        leaves["hidden"], epsilon=EPSILON, log=log, implementation="triton",
        **{k: v for k, v in leaves.items() if k != "hidden"},
    )  # fmt: skip
    exact = {k: v.detach().double().requires_grad_() for k, v in leaves.items()}
    wanted = exact_heads(**exact)
    pairs = [(said.tags, wanted.tags), *([(said.labels, wanted.labels)] if rows else [])]
    for seed, (made, true) in enumerate(pairs):
        assert made is not None
        assert true is not None
        upon = numbers(*made.shape, device=device, seed=seed)
        (made * upon).sum().backward(retain_graph=True)
        ((true if log else true.exp()) * upon.double()).sum().backward(retain_graph=True)
    for name, leaf in leaves.items():
        assert torch.allclose(leaf.grad.double(), exact[name].grad, rtol=1e-4, atol=1e-5), name


def test_frozen_weights_get_no_gradient(device: Any) -> None:
    given = weights(20, 2, device=device)
    hidden = numbers(4, 20, device=device).requires_grad_()
    critic_head(hidden, epsilon=EPSILON, **given, implementation="triton").tags[
        :, 0
    ].sum().backward()
    assert hidden.grad is not None
    assert given["tag_weight"].grad is None


def test_more_labels_than_a_program_holds(device: Any) -> None:
    hidden, given = numbers(4, 20, device=device), weights(20, 61, device=device)
    with pytest.raises(UnavailableError, match="61 label rows"):
        critic_head(hidden, epsilon=EPSILON, **given, implementation="triton")
    said = critic_head(hidden, epsilon=EPSILON, **given)
    assert said.labels is not None
    assert said.labels.shape == (4, 61)


def test_the_score_of_a_tag_and_a_label_is_their_product() -> None:
    tags, labels = torch.tensor([[0.5, 0.25, 0.125, 0.125]]), torch.tensor([[0.75, 0.25]])
    joint = Heads(tags, labels).joint()
    assert joint.shape == (1, 4, 2)
    assert joint[0, 1].tolist() == [0.1875, 0.0625]
    assert Heads(tags, None).joint()[0, :, 0].tolist() == tags[0].tolist()


def test_what_does_not_fit_is_said() -> None:
    hidden, given = numbers(3, 8), weights(8, 2)

    def wrong(**other: Any) -> None:
        critic_head(other.pop("hidden", hidden), epsilon=EPSILON, **(given | other))

    with pytest.raises(ShapeError, match="hidden states"):
        wrong(hidden=hidden[0])
    with pytest.raises(ShapeError, match="a norm of"):
        wrong(norm_weight=torch.ones(7))
    with pytest.raises(ShapeError, match="it has 4 rows"):
        wrong(tag_weight=torch.ones(5, 8))
    with pytest.raises(ShapeError, match="label rows of"):
        wrong(label_weight=torch.ones(2, 7))
    with pytest.raises(ShapeError, match="without label rows"):
        wrong(label_weight=None, normaliser=torch.ones(3))
    with pytest.raises(ShapeError, match="for 3 tokens"):
        wrong(normaliser=torch.ones(4))
