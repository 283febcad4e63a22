"""Several processes: the same losses as one has, weights whole again at the end."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs cprs[l1]")
pytest.importorskip("transformers", reason="needs cprs[l1]")

from safetensors.torch import load_file
from toys import RECIPE, policy, trainer

from cprs.l1.policy import load_policy
from cprs.l1.record import STEPS, read_steps
from cprs.l1.world import World, join_world

torch.set_num_threads(1)
RANKS = [0, 2] if find_spec("peft") else [0]
RECIPE_OF_TWO = replace(RECIPE, sft_steps=3, steps=(2,), evaluate=1, save=2)


def work(rank: int, port: int, folder: str, last: int) -> None:
    """One process of two; each run stops behind step `last` and is taken up again."""
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    world, _ = join_world("cpu")

    class Stopped(Exception):
        pass

    def stop(row: object) -> None:
        if getattr(row, "step", 0) == last:
            raise Stopped

    for lora in RANKS:
        recipe, made = replace(RECIPE_OF_TWO, lora_rank=lora), policy(lora_rank=lora)
        other = policy(0 if lora else 9, lora_rank=lora)  # of LoRA, what is resumed is the adapters
        out = Path(folder) / f"two-{lora}"
        try:
            trainer(out, recipe, world=world, progress=stop, policy=made).run()
        except Stopped:
            trainer(out, recipe, world=world, resume=True, policy=other).run()
    torch.distributed.destroy_process_group()


def test_work_is_shared_and_joined_in_order() -> None:
    items = list(range(7))
    parts = [World(rank, 3).share(items) for rank in range(3)]
    assert parts == [[0, 3, 6], [1, 4], [2, 5]]
    assert World().join(items) == items
    assert World().total([1.0, 2.0]) == [1.0, 2.0]
    assert join_world("cpu") == (World(), "cpu")


@pytest.mark.skipif(not torch.distributed.is_available(), reason="needs torch.distributed")
@pytest.mark.filterwarnings("ignore:.*checkpointing.*:FutureWarning")  # peft asks by the old name
def test_two_processes_learn_as_one_does(tmp_path: Path) -> None:
    """Weights are sharded between them (FSDP2); each run is stopped in the warm-up and resumed. Of
    LoRA, adapters alone change, and alone are written. Both in the same processes: most of their
    time is beginning."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(work, (port, str(tmp_path), 3), nprocs=2)
    for lora in RANKS:
        recipe = replace(RECIPE_OF_TWO, steps=(1,), lora_rank=lora)
        whole, parts = tmp_path / f"one-{lora}", tmp_path / f"two-{lora}"
        trainer(whole, recipe, policy=policy(lora_rank=lora)).run()
        same_run(whole, parts, lora=lora)


def same_run(whole: Path, parts: Path, *, lora: int) -> None:
    one, two = (read_steps(folder / STEPS) for folder in (whole, parts))
    for mine, theirs in list(zip(one, two, strict=False))[:3]:
        assert float(theirs["loss"]) == pytest.approx(float(mine["loss"]), rel=1e-4)
        assert float(theirs["gradient"]) == pytest.approx(float(mine["gradient"]), rel=1e-3)
    assert [row["stage"] for row in two] == 3 * ["sft"] + 2 * ["phase 1"] + 2 * ["phase 2"]
    assert all(int(row["updates"]) >= 1 for row in two)
    if lora:
        held = load_file(parts / "policy/adapter_model.safetensors")
        expected = load_file(whole / "policy/adapter_model.safetensors")
        assert {name: tuple(one.shape) for name, one in held.items()} == {
            name: tuple(one.shape) for name, one in expected.items()
        }
        assert any(one.abs().sum() > 0 for name, one in held.items() if "lora_B" in name)
    else:
        load_policy(parts / "policy")
