"""Several processes: the same losses as one has, weights whole again at the end."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs cprs[l1]")
pytest.importorskip("transformers", reason="needs cprs[l1]")

from toys import RECIPE, policy, trainer

from cprs.l1.policy import load_policy
from cprs.l1.record import STEPS, read_steps
from cprs.l1.world import World, join_world

torch.set_num_threads(1)
RECIPE_OF_TWO = replace(RECIPE, sft_steps=3, steps=(2,), evaluate=1, save=2)


def work(rank: int, port: int, folder: str, last: int) -> None:
    """One process of two; the run stops behind step `last` and is taken up again."""
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    world, _ = join_world("cpu")

    class Stopped(Exception):
        pass

    def stop(row: object) -> None:
        if getattr(row, "step", 0) == last:
            raise Stopped

    try:
        trainer(Path(folder), RECIPE_OF_TWO, world=world, progress=stop).run()
    except Stopped:
        trainer(Path(folder), RECIPE_OF_TWO, world=world, resume=True, policy=policy(9)).run()
    torch.distributed.destroy_process_group()


def test_work_is_shared_and_joined_in_order() -> None:
    items = list(range(7))
    parts = [World(rank, 3).share(items) for rank in range(3)]
    assert parts == [[0, 3, 6], [1, 4], [2, 5]]
    assert World().join(items) == items
    assert World().total([1.0, 2.0]) == [1.0, 2.0]
    assert join_world("cpu") == (World(), "cpu")


@pytest.mark.skipif(not torch.distributed.is_available(), reason="needs torch.distributed")
def test_two_processes_learn_as_one_does(tmp_path: Path) -> None:
    """Weights are sharded between them (FSDP2); the run is stopped in the warm-up and resumed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(work, (port, str(tmp_path / "two"), 3), nprocs=2)
    trainer(tmp_path / "one", replace(RECIPE_OF_TWO, steps=(1,))).run()
    one, two = (read_steps(tmp_path / name / STEPS) for name in ("one", "two"))
    for mine, theirs in list(zip(one, two, strict=False))[:3]:
        assert float(theirs["loss"]) == pytest.approx(float(mine["loss"]), rel=1e-4)
        assert float(theirs["gradient"]) == pytest.approx(float(mine["gradient"]), rel=1e-3)
    assert [row["stage"] for row in two] == 3 * ["sft"] + 2 * ["phase 1"] + 2 * ["phase 2"]
    assert all(int(row["updates"]) >= 1 for row in two)
    load_policy(tmp_path / "two/policy")
