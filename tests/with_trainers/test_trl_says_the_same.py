"""TRL's own losses on what ours are given."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from toys import policy

from cprs.l1.prompt import Prompts
from with_trainers.tiny import pairs, plain

torch = pytest.importorskip("torch", reason="needs cprs[l1]")
# TRL itself says `gradient_checkpointing`, which transformers has given another name.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning:transformers")

PROMPTS = [(5, 6, 7), (8, 9), (5, 6, 7), (8, 9)]
OUTPUTS = [(11, 12, 13), (14,), (15, 16), (17, 18, 19, 20)]


@pytest.fixture(scope="module")
def grpo(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    made = policy(seed=3)
    settings = plain(tmp_path_factory.mktemp("grpo"), per_device_train_batch_size=4)
    del settings["max_length"]
    args = GRPOConfig(
        **settings,
        num_generations=2,
        epsilon=0.2,
        epsilon_high=0.28,
        max_completion_length=4,
        use_bias_correction_kl=False,  # DeepSeek-V3.2's; eq. (4) has the estimate as it is
    )
    trainer = GRPOTrainer(
        model=made.model,
        reward_funcs=lambda completions, **_: [0.0 for _ in completions],
        args=args,
        train_dataset=Dataset.from_dict({"prompt": ["a", "b", "c", "d"]}),
        processing_class=made.tokenizer,
    )
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    return made, trainer


@pytest.mark.parametrize("beta", [0.0, 0.3])
@pytest.mark.parametrize(("loss", "aggregation"), [("dapo", "token"), ("grpo", "sequence")])
def test_policy_losses(grpo: Any, loss: str, aggregation: str, beta: float) -> None:
    """GRPO and DAPO with ratios on both sides of the clip, and their gradients."""
    from cprs.l1.batches import collate, score
    from cprs.l1.objective import normaliser, policy_terms

    made, trainer = grpo
    trainer.loss_type, trainer.beta = loss, beta
    pairs = list(zip(PROMPTS, OUTPUTS, strict=True))
    batch = collate(pairs, pad=made.pad, device=made.device)
    logprobs, _ = score(made, batch)
    torch.manual_seed(0)
    old = (logprobs + 0.4 * torch.randn_like(logprobs)).detach()
    reference = (logprobs + 0.4 * torch.randn_like(logprobs)).detach()
    advantages = torch.tensor([1.0, -0.7, 0.2, -1.5])
    divisor = normaliser(batch.mask.sum(-1), aggregation=aggregation)
    ours = policy_terms(
        logprobs,
        old,
        advantages,
        batch.mask,
        divisor=divisor,
        aggregation=aggregation,
        reference=reference,
        beta=beta,
    )
    assert ours.clipped > 0
    long = batch.outputs.shape[1]
    theirs = trainer.compute_loss(
        trainer.model,
        {
            "prompt_ids": batch.ids[:, :-long],
            "prompt_mask": batch.attention[:, :-long],
            "completion_ids": batch.outputs,
            "completion_mask": batch.mask,
            "advantages": advantages,
            "old_per_token_logps": old,
            "ref_per_token_logps": reference,
            "num_items_in_batch": batch.mask.sum(),
        },
    )
    assert ours.loss.item() == pytest.approx(theirs.item(), abs=1e-5)
    weights = made.trained()
    for a, b in zip(
        torch.autograd.grad(ours.loss, weights),
        torch.autograd.grad(theirs, weights),
        strict=True,
    ):
        assert torch.allclose(a, b, atol=1e-5)


def test_dpo(tmp_path: Path) -> None:
    """Without alignment SoLo-DPO is TRL's DPO on the short texts."""
    from trl import DPOConfig, DPOTrainer
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    from cprs.l1.adapters.trl_solo_dpo import SoloDPOTrainer, pair_dataset

    made = policy(seed=3)
    rows = pair_dataset(made, pairs(), Prompts(made.tokenizer, template="short"))
    trainer = SoloDPOTrainer(made, DPOConfig(**plain(tmp_path, beta=0.7)), rows, alpha=0.0)
    torch.manual_seed(1)
    with torch.no_grad():  # away from the reference, where everything is log 2
        for weight in made.trained():
            weight.add_(0.3 * torch.randn_like(weight))
    listed = rows.to_list()
    given = DataCollatorForPreference(pad_token_id=made.pad)(
        [
            {
                "prompt_ids": row["short_tokens"],
                "chosen_ids": row["chosen_tokens"],
                "rejected_ids": row["rejected_tokens"],
            }
            for row in listed
        ]
    )
    theirs = DPOTrainer.compute_loss(trainer, trainer.model, given)
    ours = trainer.compute_loss(trainer.model, trainer.data_collator(listed))
    assert abs(theirs.item() - 0.693) > 0.05
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)


def test_simpo_and_orpo() -> None:
    """Their losses take means of log-probabilities, and nothing of a trainer but its settings."""
    from trl.experimental.cpo import CPOTrainer
    from trl.experimental.orpo import ORPOTrainer

    from cprs.l1.solopo import Answered, solo_loss

    torch.manual_seed(0)
    lengths = torch.tensor([3, 1, 7, 4])
    chosen, rejected = (Answered(-lengths * torch.rand(4) - 0.1, lengths.clone()) for _ in range(2))
    settings = SimpleNamespace(
        beta=2.0,
        simpo_gamma=0.5,
        alpha=0.0,
        loss_type="simpo",
        label_smoothing=0.0,
        accelerator=SimpleNamespace(device=torch.device("cpu")),
    )
    ours = solo_loss("simpo", chosen, rejected, None, beta=2.0, gamma=0.5)
    losses, *_ = CPOTrainer.cpo_loss(settings, chosen.mean, rejected.mean)
    assert ours.loss.item() == pytest.approx(losses.mean().item(), abs=1e-5)
    ours = solo_loss("orpo", chosen, rejected, None, odds=2.0)
    gained, *_ = ORPOTrainer.odds_ratio_loss(settings, chosen.mean, rejected.mean)
    likelihood = -chosen.mean.mean()
    assert ours.loss.item() == pytest.approx((likelihood - gained.mean()).item(), abs=1e-5)


def test_the_length_penalty() -> None:
    from trl.rewards import get_soft_overlong_punishment

    from cprs.l1.reward.shaping import overlong_penalty

    lengths = [10, 80, 81, 95, 100, 120]
    given = get_soft_overlong_punishment(100, 20)(completion_ids=[[0] * one for one in lengths])
    ours = [overlong_penalty(length, longest=100, buffer=20) for length in lengths]
    assert ours == pytest.approx(given)
