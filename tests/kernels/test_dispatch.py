from __future__ import annotations

import pytest
import torch
from cprs_kernels import Implementation, UnavailableError, dispatch

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_gpus_get_the_first_that_can_run() -> None:
    obstacles: dict[Implementation, str | None] = {
        "library": "not installed",
        "triton": None,
        "reference": None,
    }
    assert dispatch.choose(None, obstacles, device=GPU) == "triton"
    assert dispatch.choose("reference", obstacles, device=GPU) == "reference"


def test_cpus_get_the_reference_unless_asked() -> None:
    obstacles: dict[Implementation, str | None] = {"triton": None, "reference": None}
    assert dispatch.choose(None, obstacles, device=CPU) == "reference"
    assert dispatch.choose("triton", obstacles, device=CPU) == "triton"


@pytest.mark.parametrize(
    ("requested", "reason"),
    [("library", "flash-attn is missing"), ("triton", "has none"), ("cuda", "no implementation")],
)
def test_requests_that_cannot_be_met_say_why(requested: str, reason: str) -> None:
    obstacles: dict[Implementation, str | None] = {
        "library": "flash-attn is missing",
        "reference": None,
    }
    with pytest.raises(UnavailableError, match=reason):
        dispatch.choose(requested, obstacles, device=CPU)  # type: ignore[arg-type]


def test_triton_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_has_triton", lambda: True)
    monkeypatch.setattr(dispatch, "_interprets", lambda: False)
    assert dispatch.triton_obstacle(GPU) is None
    assert "needs a GPU" in str(dispatch.triton_obstacle(CPU))
    assert "not for 'mps'" in str(dispatch.triton_obstacle(torch.device("mps")))
    monkeypatch.setattr(dispatch, "_has_triton", lambda: False)
    assert "not installed" in str(dispatch.triton_obstacle(GPU))
