"""Several processes of this machine that train one hybrid, a GPU each, and are looked after."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import multiprocessing

from cprs.errors import CprsError, OptionError
from cprs.train.hybrid.collate import inputs_of
from cprs.train.hybrid.dataset import Dataset
from cprs.train.hybrid.learner import learner
from cprs.train.reason.loop import Step, fit
from cprs.train.reason.recipe import Recipe
from cprs.train.reason.validate import Validation

_LONG = timedelta(hours=1)
"""Models are loaded one after the other, and the large ones take their time."""
_POLL = 0.1


@dataclass(frozen=True, slots=True)
class Job:
    """What all of `processes` train: the hybrid of `base`, on the windows in `data`, into the
    folder `out`; parameters whose names begin like one of `pretrained` at the base's rate."""

    base: Path
    data: Path
    out: Path
    recipe: Recipe
    pretrained: tuple[str, ...]
    resume: bool
    device: str
    processes: int


def check_processes(processes: int, device: str) -> None:
    """Raise `OptionError` for more processes than can train on this machine."""
    if processes < 1:
        raise OptionError(f"processes must be at least 1, got {processes}")
    there = torch.cuda.device_count() if device == "cuda" else processes
    if processes > there:
        raise OptionError(f"processes: each needs a GPU, and {there} are here, not {processes}")
    if processes > 1 and not dist.is_available():
        raise OptionError("processes: this build of torch knows but one; install another")


def fit_together(
    job: Job,
    *,
    progress: Callable[[Step], None] | None = None,
    checked: Callable[[Validation], None] | None = None,
) -> None:
    """`fit` in several processes. What is learnt lies in the run's checkpoint afterwards.

    Raises what stopped one of them; the others are ended with it.
    """
    told = multiprocessing.get_context("spawn").SimpleQueue()

    def hear() -> None:
        while not told.empty():
            heard = told.get()
            if isinstance(heard, CprsError):
                raise heard
            tell = progress if isinstance(heard, Step) else checked
            if tell is not None:
                tell(heard)

    with tempfile.TemporaryDirectory() as meeting:
        running = multiprocessing.start_processes(
            _work, (job, f"{meeting}/ranks", told), job.processes, join=False, start_method="spawn"
        )
        try:
            while not running.join(timeout=_POLL):
                hear()
            hear()
        except multiprocessing.ProcessRaisedException:
            hear()  # what it said itself is shorter
            raise
        except multiprocessing.ProcessExitedException as error:
            hear()
            raise OptionError(
                f"a training process ended at once, {error}: most often for want of memory"
            ) from error
        finally:
            for process in running.processes:
                process.kill()
                process.join()


def _work(rank: int, job: Job, meeting: str, told: Any) -> None:
    """One process of a job."""
    try:
        _train(rank, job, meeting, told)
    except CprsError as error:
        told.put(error)
        raise


def _train(rank: int, job: Job, meeting: str, told: Any) -> None:
    from cprs.train.hybrid.shard import Sharded

    # Nothing is changed in place behind the model, of which torch warns.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module")
    on = torch.device(job.device, rank) if job.device == "cuda" else torch.device(job.device)
    if on.type == "cuda":
        torch.cuda.set_device(on)
    else:
        torch.set_num_threads(max((os.cpu_count() or 1) // job.processes, 1))
    dist.init_process_group(
        "nccl" if on.type == "cuda" else "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=job.processes,
        timeout=_LONG,
    )
    try:
        ranks = Sharded(on)
        model = None
        for turn in range(job.processes):
            # In turn: the machine's memory holds the whole model once.
            if turn == rank:
                model = ranks.shard(learner(job.base, job.recipe, on))
            dist.barrier()
        fit(
            model,
            Dataset(job.data),
            job.recipe,
            job.out,
            inputs=inputs_of,
            base=job.pretrained,
            resume=job.resume,
            device=str(on),
            ranks=ranks,
            progress=told.put,
            checked=told.put,
        )
    finally:
        dist.destroy_process_group()
