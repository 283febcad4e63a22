"""The warm-up and SoLo-DPO inside TRL's trainers: step by step the losses of our own loops."""

from __future__ import annotations

from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import pytest
from toys import RECIPE, policy

from cprs.errors import OptionError
from cprs.l1.prompt import Prompts
from with_trainers.tiny import RATE, STEPS, logged, pairs, plain, triplets

torch = pytest.importorskip("torch", reason="needs cprs[l1]")
# TRL itself says `gradient_checkpointing`, which transformers has given another name.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning:transformers")

NEAR = pytest.approx


def short(made: Any) -> Prompts:
    return Prompts(made.tokenizer, template="short")


def warm_up(made: Any, folder: Path, **more: Any) -> Any:
    from trl import SFTConfig

    from cprs.l1.adapters.trl_sft import WarmUpTrainer, sft_dataset

    rows = sft_dataset(made, triplets(), short(made))
    several = {"per_device_train_batch_size": 5, "gradient_accumulation_steps": 2}
    return WarmUpTrainer(made, SFTConfig(**plain(folder, **several, **more)), rows)


def solo(made: Any, folder: Path, alpha: float = 3.0, **more: Any) -> Any:
    from trl import DPOConfig

    from cprs.l1.adapters.trl_solo_dpo import SoloDPOTrainer, pair_dataset

    rows = pair_dataset(made, pairs(), short(made))
    several = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 3}
    config = {name: more.pop(name) for name in list(more) if name in ("beta", "bf16", "loss_type")}
    args = DPOConfig(**plain(folder, **several, **config))
    return SoloDPOTrainer(made, args, rows, alpha=alpha, **more)


def ours(made: Any, alpha: float = 3.0, **options: Any) -> Any:
    from cprs.l1.preference import PreferenceOptions, train_on_pairs

    chosen = PreferenceOptions(
        method="dpo", alpha=alpha, steps=STEPS, batch=12, rate=RATE, decay=0.0, **options
    )
    return train_on_pairs(made, pairs(), chosen, short(made))


def test_the_warm_up_takes_our_steps(tmp_path: Path) -> None:
    from cprs.l1.learner import Learner
    from cprs.l1.sft import encode_triplets
    from cprs.l1.world import World

    there, here = policy(seed=3), policy(seed=3)
    trainer = warm_up(there, tmp_path, gradient_checkpointing=True)
    trainer.train()
    learner = Learner(here, replace(RECIPE, decay=0.0), tmp_path, World())
    learner.begin(RATE)
    rows = encode_triplets(here, triplets(), short(here))
    assert len({len(output) for _, output in rows}) > 1, "else a mean of means is a mean"
    steps = [learner.imitate(rows, step=number) for number in range(STEPS)]
    assert logged(trainer) == NEAR([one.loss for one in steps], abs=1e-5)
    assert logged(trainer, "grad_norm") == NEAR([one.gradient for one in steps], rel=1e-3)
    assert steps[-1].loss < steps[0].loss - 0.01, "steps that change nothing prove nothing"


@pytest.mark.parametrize(("alpha", "held"), [(3.0, False), (3.0, True), (0.0, False)])
def test_solo_dpo_takes_our_steps(tmp_path: Path, alpha: float, held: bool) -> None:
    trainer = solo(policy(seed=3), tmp_path, alpha, beta=0.5, detach_short=held)
    trainer.train()
    steps = ours(policy(seed=3), alpha, beta=0.5, detach_short=held)
    assert logged(trainer) == NEAR([one.loss for one in steps], abs=1e-5)
    for name in ("preference", "alignment", "correct"):
        told = logged(trainer, f"solo/{name}")
        assert told == NEAR([getattr(one, name) for one in steps], abs=1e-5)
    assert steps[-1].preference < steps[0].preference - 0.01
    assert (steps[-1].alignment > 1e-3) is (alpha > 0)


def test_adapters_alone_learn(tmp_path: Path) -> None:
    lora = {"lora_rank": 4, "lora_alpha": 8.0}
    trainer = solo(policy(seed=3, **lora), tmp_path, beta=0.5)
    trainer.train()
    steps = ours(policy(seed=3, **lora), beta=0.5)
    assert logged(trainer) == NEAR([one.loss for one in steps], abs=1e-5)
    assert steps[-1].preference < steps[0].preference


def test_one_after_the_other(tmp_path: Path) -> None:
    """The reference is the policy after its warm-up: nothing to align at first."""
    from cprs.l1.policy import frozen

    made = policy(seed=3)
    warm_up(made, tmp_path).train()
    copied = frozen(made)
    with torch.no_grad():
        for weight in copied.model.parameters():
            weight.zero_()
        assert copied.model(torch.tensor([[1, 2]])).logits.abs().max() == 0
    trainer = solo(made, tmp_path)
    trainer.train()
    assert logged(trainer)[0] == NEAR(log(2), abs=1e-5)
    assert logged(trainer, "solo/alignment")[0] == 0


def test_evaluation_has_the_same_loss(tmp_path: Path) -> None:
    made = policy(seed=3)
    trainer = warm_up(made, tmp_path, per_device_eval_batch_size=20)
    again = trainer.evaluate(trainer.train_dataset)
    trainer.train()
    assert again["eval_loss"] == NEAR(logged(trainer)[0], abs=1e-5)


def test_settings_that_would_mean_something_else_are_errors(tmp_path: Path) -> None:
    from cprs.l1.adapters.trl_sft import sft_dataset

    with pytest.raises(OptionError, match="max_length=4 would cut rows of up to"):
        warm_up(policy(), tmp_path, max_length=4)
    with pytest.raises(OptionError, match=r"wants loss_type='sigmoid', got \['ipo'\]"):
        solo(policy(), tmp_path, loss_type="ipo")
    made = policy()
    with pytest.raises(OptionError, match="no triplet has a prompt within the limit"):
        sft_dataset(made, triplets(), Prompts(made.tokenizer, limit=1))
