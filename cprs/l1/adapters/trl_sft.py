"""The warm-up inside TRL's `SFTTrainer`.

TRL's own loss is the mean over a batch's tokens, in which a long output counts for more than a
short one; eq. (11) counts each output the same. `compute_loss` is the method that TRL's and
transformers' trainers leave to be overridden.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from cprs.errors import OptionError
from cprs.l1.adapters.trl_settings import check_length, on_device
from cprs.l1.batches import Batch, score
from cprs.l1.policy import Policy
from cprs.l1.prompt import Prompts
from cprs.l1.sft import Triplet, encode_triplets, sft_loss

UNSCORED = -100
"""What stands in labels for tokens that are not learnt."""


def sft_dataset(policy: Policy, triplets: Iterable[Triplet], prompts: Prompts) -> Dataset:
    """Triplets as TRL's tokenized rows: `input_ids` of prompt and completion, and `labels`, which
    are of the completion alone.

    They are the tokens our own warm-up learns: where TRL joins two texts, others may come out at
    the seam. Prompts over the limit are left out, and counted in `prompts`. Raises `OptionError`
    where none is left.
    """
    pairs = encode_triplets(policy, triplets, prompts)
    if not pairs:
        raise OptionError("no triplet has a prompt within the limit: nothing to learn from")
    return Dataset.from_dict(
        {
            "input_ids": [[*prompt, *output] for prompt, output in pairs],
            "labels": [[UNSCORED] * len(prompt) + [*output] for prompt, output in pairs],
        }
    )


class WarmUpTrainer(SFTTrainer):
    """`SFTTrainer` with eq. (11) for its loss, on rows of `sft_dataset`.

    Logits are made for outputs alone. Takes what `SFTTrainer` takes, but a `Policy` for model and
    tokenizer. Raises `OptionError` for settings under which rows would be cut or joined.
    """

    loss_is_scaled_for_ga = False

    def __init__(
        self, policy: Policy, args: SFTConfig, train_dataset: Dataset, **more: Any
    ) -> None:
        check_length(args, max(len(ids) for ids in train_dataset["input_ids"]))
        if args.packing or args.padding_free:
            raise OptionError("eq. (11) is per output: set packing=False and padding_free=False")
        super().__init__(
            model=policy.model,
            args=args,
            train_dataset=train_dataset,
            processing_class=policy.tokenizer,
            **more,
        )
        self._policy = policy

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """-E[(1/|y*|) Σ_t log π(y*_t | x, c, y*_<t)] over the rows of a micro-batch."""
        batch = batch_of(inputs)
        logprobs, _ = score(on_device(self._policy, model, self.args), batch)
        loss = sft_loss(logprobs, batch.mask, sequences=len(logprobs))
        return (loss, {"logits": logprobs}) if return_outputs else loss


def batch_of(inputs: dict[str, torch.Tensor]) -> Batch:
    """TRL's padded `input_ids`, `attention_mask` and `labels`, from the first output token on."""
    labels, attention = inputs["labels"], inputs["attention_mask"]
    learnt = labels != UNSCORED
    first = int(learnt.any(dim=0).nonzero()[0])
    positions = (attention.cumsum(dim=-1) - 1).clamp(min=0)
    outputs = labels[:, first:].clamp(min=0)
    return Batch(inputs["input_ids"], attention, positions, outputs, learnt[:, first:])
