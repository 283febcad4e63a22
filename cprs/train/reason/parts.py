"""Training data prepared shard by shard, several at the same time; a shard once done is kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from cprs.critics.embedded_base import Base
from cprs.critics.prior import SHIPPED as PRIOR
from cprs.critics.prior import Prior
from cprs.engine.cores import cores
from cprs.errors import OptionError
from cprs.train.reason.batches import about_of, prepare
from cprs.train.reason.corpus import Shard, contexts_of
from cprs.train.reason.dataset import Dataset, Joined
from cprs.train.reason.recipe import Recipe
from cprs.train.reason.store import INDEX, read_index


def prepare_shards(
    shards: Sequence[Shard],
    haystack: Sequence[Path],
    weights: Path,
    recipe: Recipe,
    folder: Path,
    *,
    progress: Callable[[str], None] | None = None,
) -> Joined:
    """Write each shard's windows into `folder`/its name, read by the base and prior in `weights`.

    A process per core. What an earlier run with the same base, prior and data recipe prepared is
    taken as it is. Raises `OptionError` where there is nothing to train on.
    """
    base, prior = Base.load(weights, threads=1), Prior.load(weights / PRIOR.name)
    wanted = about_of(base, prior, recipe)
    missing = [shard for shard in shards if not _is_there(folder / shard.name, wanted)]
    workers = min(cores(), len(missing))
    if workers > 1:
        context = get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            jobs = {
                pool.submit(_prepare, shard, haystack, weights, recipe, folder): shard.name
                for shard in missing
            }
            for done, job in enumerate(as_completed(jobs), 1):
                if progress is not None:
                    progress(f"{jobs[job]}: {job.result()} windows ({done} of {len(jobs)})")
                job.result()
    else:
        for shard in missing:
            _prepare(shard, haystack, weights, recipe, folder, progress)
    joined = Joined([Dataset(folder / shard.name) for shard in shards])
    if not len(joined):
        raise OptionError("nothing to train on: the sets hold no question with known evidence")
    return joined


def _prepare(
    shard: Shard,
    haystack: Sequence[Path],
    weights: Path,
    recipe: Recipe,
    folder: Path,
    progress: Callable[[str], None] | None = None,
) -> int:
    base, prior = Base.load(weights), Prior.load(weights / PRIOR.name)
    contexts = contexts_of(shard, haystack, recipe)
    # Under another name until it is whole: a worker may outlive a run that was killed.
    part, done = folder / f".{shard.name}.{os.getpid()}", folder / shard.name
    count = len(prepare(contexts, base, prior, recipe, part, progress=progress))
    shutil.rmtree(done, ignore_errors=True)
    part.replace(done)
    return count


def _is_there(folder: Path, wanted: dict[str, object]) -> bool:
    if not (folder / INDEX).is_file():
        return False
    about = read_index(folder)
    return all(about.get(name) == value for name, value in wanted.items())
