"""A policy that learns, whole or by adapters, sampled on a vLLM server that is told of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
import torch

from cprs.l1.batches import collate, score
from cprs.l1.policy import Policy, load_policy
from cprs.l1.rollout.base import Ask, Sampling
from cprs.l1.rollout.vllm import Vllm
from with_vllm.serving import vllm_serve

LONG = tuple(20 + number % 60 for number in range(150))
"""More than a block of vLLM's cache, which a second asking would find there."""
ASKS = [Ask("a", LONG), Ask("b", (31, 32, 33))]
SAMPLING = Sampling(1.0, 1.0, 0, 6)
SWITCHES = {"VLLM_SERVER_DEV_MODE": "1", "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from with_vllm.tiny import make_chatting

    return make_chatting(tmp_path_factory.mktemp("base"), tied=False)


@pytest.fixture(scope="module", params=[0, 8], ids=["whole", "adapters"])
def rank(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def server(base: Path, rank: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("log") / "log"
    options = ["--served-model-name", "policy", "--dtype", "float32", "--max-model-len", "512"]
    if rank:
        options += ["--enable-lora", "--max-lora-rank", str(rank)]
    with mock.patch.dict(os.environ, SWITCHES), vllm_serve(base, *options, log=log) as url:
        yield f"{url}/v1"


def apart(policy: Policy, backend: Vllm) -> float:
    """How far the server's log-probabilities of what it sampled are from the policy's."""
    groups = backend.generate(ASKS, SAMPLING, n=4, seed=0)
    found = []
    for group in groups:
        batch = collate(
            [(one.prompt_ids, one.ids) for one in group], pad=policy.pad, device=policy.device
        )
        with torch.no_grad():
            ours, _ = score(policy, batch)
        for one, row in zip(group, ours, strict=True):
            assert len(one.logprobs) == len(one.ids)
            found.append((row[: len(one.ids)] - torch.tensor(one.logprobs)).abs().max())
    return float(torch.stack(found).max())


def test_each_refresh_is_what_is_sampled_from(
    base: Path, rank: int, server: str, tmp_path: Path
) -> None:
    """The second time the prompts are in the server's cache, as the first weights had them."""
    policy = load_policy(base, lora_rank=rank, lora_alpha=16)
    backend = Vllm(server, "policy", tmp_path)
    torch.manual_seed(0)
    for step in range(3):
        with torch.no_grad():
            for weight in policy.trained():
                weight.add_((0.2 if rank else 0.02) * torch.randn_like(weight))
        if step or not rank:
            assert apart(policy, backend) > 0.05, "weights that change nothing prove nothing"
        backend.refresh(policy)
        assert apart(policy, backend) < 1e-3
