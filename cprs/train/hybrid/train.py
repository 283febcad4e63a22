"""`cprs train critic` where the base is a Qwen: question sets into a trained hybrid, measured."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from cprs.critics.base import TokenCritic
from cprs.critics.embedded import EmbeddedCritic
from cprs.errors import OptionError
from cprs.train.extras import require
from cprs.train.hybrid.batches import prepare
from cprs.train.hybrid.dataset import KIND, Dataset
from cprs.train.reason.corpus import contexts_of, shards
from cprs.train.reason.recipe import Recipe
from cprs.train.reason.run import PREPARED, Run
from cprs.train.reason.store import INDEX, read_index

PRETRAINED = ("model.", "lm_head.")
"""What learns at the recipe's `base_rate`: all but the tag head."""


def train_hybrid(run: Run) -> list[TokenCritic]:
    """Train the Qwen in the run's `base` into its folder `out`: end to end, or adapters for it.

    Returns what is to be measured: the hybrid, read from there, and the embedded critic that
    mined its windows. Raises as `cprs.train.reason.critic.train_critic` does.
    """
    require("transformers")
    if run.recipe.lora_rank:
        require("peft", what="lora_rank", extra="lora")
    import torch

    from cprs.critics.hybrid.critic import HybridCritic
    from cprs.critics.hybrid.tokens import load_tokens
    from cprs.train.hybrid.collate import inputs_of
    from cprs.train.hybrid.folder import save_hybrid, weights_digest
    from cprs.train.hybrid.learner import learner, learnt
    from cprs.train.hybrid.processes import Job, check_processes, fit_together
    from cprs.train.reason.loop import fit

    base, out, recipe = run.base, run.out, run.recipe
    if run.start is not None or recipe.learn != "all":
        raise OptionError("a hybrid is trained end to end: leave out --start, and learn: all")
    check_processes(run.processes, run.device)
    tokens, digest = load_tokens(base), weights_digest(base)
    # Before the data are prepared: whatever does not fit is said at once.
    model = learner(base, recipe, torch.device(run.device))
    miner = EmbeddedCritic.load()
    prepared = _prepared(out / PREPARED, digest, recipe) if run.resume else None
    if prepared is None:
        found = shards(run.sets, recipe)
        contexts = chain.from_iterable(contexts_of(shard, run.haystack, recipe) for shard in found)
        prepared = prepare(
            contexts, tokens, miner, recipe, out / PREPARED, base=digest, progress=run.say
        )
    run.say(f"{len(prepared.questions)} questions, {len(prepared)} windows")
    if run.processes > 1:
        del model  # each has its own
        job = Job(
            base,
            out / PREPARED,
            out,
            recipe,
            PRETRAINED,
            resume=run.resume,
            device=run.device,
            processes=run.processes,
        )
        fit_together(job, progress=run.progress, checked=lambda found: run.say(str(found)))
        model = learnt(base, recipe, out)
    else:
        fit(
            model,
            prepared,
            recipe,
            out,
            inputs=inputs_of,
            base=PRETRAINED,
            resume=run.resume,
            device=run.device,
            progress=run.progress,
            checked=lambda found: run.say(str(found)),
        )
        if recipe.lora_rank:
            model = learnt(base, recipe, out)
    save_hybrid(model, base, out)
    del model  # before its like is read again
    return [HybridCritic.load(out, device=run.device), miner]


def _prepared(folder: Path, base: str, recipe: Recipe) -> Dataset | None:
    """The data of a run that was stopped after it had prepared them.

    Raises `OptionError` where they were prepared for another base.
    """
    if not (folder / INDEX).is_file():
        return None
    about = read_index(folder)
    if about.get("kind") != KIND or about.get("base") != base:
        raise OptionError(f"{folder} was prepared for another base than the one given")
    same = about.get("recipe") == recipe.data_digest and about.get("window") == recipe.window
    return Dataset(folder) if same else None
