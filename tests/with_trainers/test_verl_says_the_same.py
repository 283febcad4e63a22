"""verl's own losses on what ours are given, and what it makes of an exported job."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from companion import l1
from toys import TOKENIZER, data

from cprs.l1.curriculum import Phase
from cprs.l1.example import write_examples
from cprs.l1.export.verl import settings
from cprs.l1.recipe import Recipe
from cprs.l1.reward.shaping import overlong_penalty

torch = pytest.importorskip("torch", reason="needs cprs[l1]")
# Ray, pandas and TensorDict, as verl imports them.
pytestmark = pytest.mark.filterwarnings("ignore")

ASKED = replace(data().examples[0], tokens=5)
RIGHT, WRONG = (one.answers[0] for one in data().examples[:2])
LONGEST, BUFFER = 6, 4


def test_advantages() -> None:
    import numpy as np
    from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage

    from cprs.l1.objective import group_advantages

    torch.manual_seed(1)
    rewards = torch.randint(0, 2, (4, 8)).float()
    rewards[:, 0], rewards[:, 1] = 1, 0
    given = torch.zeros(32, 3)
    given[:, -1] = rewards.flatten()
    index = np.array([number // 8 for number in range(32)])
    for scale in (True, False):
        theirs, _ = compute_grpo_outcome_advantage(
            given, torch.ones(32, 3), index, norm_adv_by_std_in_grpo=scale
        )
        ours = group_advantages(rewards, scale=scale)
        assert torch.allclose(theirs[:, 0].view(4, 8), ours, atol=1e-5)


@pytest.mark.parametrize(
    ("aggregation", "mode"), [("token", "token-mean"), ("sequence", "seq-mean-token-mean")]
)
def test_policy_losses(aggregation: str, mode: str) -> None:
    from verl.trainer.ppo.core_algos import agg_loss, compute_policy_loss_vanilla, kl_penalty
    from verl.workers.config import FSDPActorConfig

    from cprs.l1.objective import normaliser, policy_terms

    torch.manual_seed(1)
    new, old, reference = (torch.randn(32, 5) * 0.4 - 1 for _ in range(3))
    new.requires_grad_()
    mask = (torch.arange(5) < torch.randint(1, 6, (32, 1))).float()
    advantages = torch.randn(32)
    config = FSDPActorConfig(
        strategy="fsdp",
        rollout_n=8,
        ppo_micro_batch_size_per_gpu=1,
        clip_ratio_low=0.2,
        clip_ratio_high=0.28,
        clip_ratio_c=1e9,
    )
    theirs, _ = compute_policy_loss_vanilla(
        old_log_prob=old,
        log_prob=new,
        advantages=advantages.unsqueeze(-1).expand(-1, 5),
        response_mask=mask,
        loss_agg_mode=mode,
        config=config,
    )
    theirs = theirs + 0.3 * agg_loss(kl_penalty(new, reference, "low_var_kl"), mask, mode)
    ours = policy_terms(
        new,
        old,
        advantages,
        mask,
        divisor=normaliser(mask.sum(-1), aggregation=aggregation),
        aggregation=aggregation,
        reference=reference,
        beta=0.3,
    )
    assert ours.clipped > 0
    assert ours.loss.item() == pytest.approx(theirs.item(), abs=1e-5)
    ours_moved, theirs_moved = (torch.autograd.grad(one, new)[0] for one in (ours.loss, theirs))
    assert torch.allclose(ours_moved, theirs_moved, atol=1e-6)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """An exported phase of one example, its outputs' last tokens in the buffer."""
    pytest.importorskip("pyarrow", reason="needs pyarrow")
    file, recipe = tmp_path / "x.jsonl", tmp_path / "r.yaml"
    write_examples(file, [ASKED])
    lengths = f"longest: {LONGEST}\noverlong_buffer: {BUFFER}\n"
    recipe.write_text(f"limits: [10]\nbatch: 1\nmini: 1\n{lengths}")
    more = ("--recipe", recipe, "--model", "m", "--data", file, "--out", tmp_path / "jobs")
    done = l1("export", "verl", *more)
    assert done.code == 0, done.err
    return tmp_path / "jobs/phase-1"


def composed(job: Path) -> Any:
    """The job's settings on top of verl's, as its command line composes them."""
    from hydra import compose, initialize_config_dir

    with initialize_config_dir(config_dir=str(job), version_base=None):
        return compose("override")


def test_verl_composes_the_job(job: Path) -> None:
    made = composed(job)
    assert made.actor_rollout_ref.actor.clip_ratio_high == 0.28
    assert made.data.max_response_length == LONGEST
    assert made.algorithm.filter_groups.metric == "acc"
    assert made.trainer.nnodes == 1, "what the job does not say is verl's"
    import pyarrow.parquet as parquet

    (row,) = parquet.read_table(made.data.train_files).to_pylist()
    assert row[made.data.prompt_key][0]["role"] == "user"


@pytest.mark.parametrize(
    ("said", "accuracy"),
    [
        (f"</think> the answer is {RIGHT}", 1.0),
        (f"</think> the answer is {WRONG}", 0.0),
        (f"the answer is {RIGHT}", 0.0),
    ],
)
def test_verls_own_loader_takes_the_reward(job: Path, said: str, accuracy: float) -> None:
    """Through its reward manager: the accuracy is ours, the score has what length costs (eq. 7)."""
    import pyarrow.parquet as parquet
    from verl import DataProto
    from verl.trainer.ppo.reward import load_reward_manager

    made = composed(job)
    (row,) = parquet.read_table(made.data.train_files).to_pylist()
    ids = TOKENIZER.encode(said, add_special_tokens=False)
    asked = DataProto.from_dict(
        tensors={
            "prompts": torch.zeros(1, 2, dtype=torch.long),
            "responses": torch.tensor([ids]),
            "attention_mask": torch.ones(1, 2 + len(ids), dtype=torch.long),
        },
        non_tensors={
            "data_source": [row["data_source"]],
            "reward_model": [row["reward_model"]],
            "extra_info": [row["extra_info"]],
        },
    )

    async def judged() -> dict[str, Any]:
        manager = load_reward_manager(made, TOKENIZER)
        found: dict[str, Any] = await manager.run_single(asked)
        return found

    found = asyncio.run(judged())
    assert found["reward_extra_info"]["acc"] == accuracy
    costs = overlong_penalty(len(ids), longest=LONGEST, buffer=BUFFER)
    assert -1 < costs < 0
    assert float(found["reward_score"]) == pytest.approx(accuracy + costs)


def test_every_setting_is_one_of_verls() -> None:
    yaml = pytest.importorskip("yaml")
    import verl

    path = Path(verl.__file__).parent / "trainer/config/_generated_ppo_trainer.yaml"
    known = yaml.safe_load(path.read_text(encoding="utf-8"))
    made = settings(Recipe(), Phase(1, 0, 20_000, ()), model="m", folder=Path("x"))
    own = [name for name in names(made) if not name.startswith(("hydra", "defaults"))]
    unknown = [name for name in own if not holds(known, name.split("."))]
    # What the reward manager named dapo takes is in no schema.
    assert all(name.startswith("reward.reward_kwargs.") for name in unknown), unknown
    assert len(unknown) < 6


def names(values: dict[str, Any], above: str = "") -> list[str]:
    return [
        name
        for key, value in values.items()
        for name in (
            names(value, f"{above}{key}.") if isinstance(value, dict) else [f"{above}{key}"]
        )
    ]


def holds(values: Any, steps: list[str]) -> bool:
    for step in steps:
        if not isinstance(values, dict) or step not in values:
            return False
        values = values[step]
    return True
