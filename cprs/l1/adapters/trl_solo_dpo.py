"""SoLo-DPO inside TRL's `DPOTrainer`.

`compute_loss` is the method that TRL's and transformers' trainers leave to be overridden. The
reference's log-probabilities are not taken from TRL, whose fused head differs from the model's own
in the last bits: where policy and reference are one, |r(short) - r(long)| must be 0 and not noise,
whose sign would be the whole gradient of the first step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from cprs.errors import OptionError
from cprs.l1.adapters.trl_settings import on_device
from cprs.l1.batches import Batch, collate, score
from cprs.l1.pairs import PreferencePair
from cprs.l1.policy import Policy, frozen
from cprs.l1.preference import ALPHA, encode_pair
from cprs.l1.prompt import Prompts
from cprs.l1.solopo import Answered, solo_loss

SHORT, LONG, CHOSEN, REJECTED = "short_tokens", "long_tokens", "chosen_tokens", "rejected_tokens"

_ONLY: dict[str, tuple[Any, ...]] = {
    "loss_type": ("sigmoid", ["sigmoid"]),
    "f_divergence_type": ("reverse_kl",),
    "label_smoothing": (0.0,),
    "ld_alpha": (None,),
    "use_weighting": (False,),
    "precompute_ref_log_probs": (False,),
    "max_length": (None,),
}
"""What `DPOConfig` must say."""


def pair_dataset(policy: Policy, pairs: Iterable[PreferencePair], prompts: Prompts) -> Dataset:
    """Pairs as rows of the tokens that are learnt, beside `prompt`, `chosen` and `rejected`: TRL
    will not do without texts, but its own tokens of them, which may be others where prompt and
    answer meet, are not used.

    Pairs with a prompt over the limit are left out, and counted in `prompts`. Raises `OptionError`
    where none is left.
    """
    rows = [
        {
            "prompt": "",
            "chosen": pair.chosen,
            "rejected": pair.rejected,
            SHORT: list(one.short),
            LONG: list(one.long),
            CHOSEN: list(one.chosen),
            REJECTED: list(one.rejected),
        }
        for pair in pairs
        if (one := encode_pair(policy, pair, prompts)) is not None
    ]
    if not rows:
        raise OptionError("no pair has prompts within the limit: nothing to learn from")
    return Dataset.from_list(rows)


class SoloDPOTrainer(DPOTrainer):
    """`DPOTrainer` with SoLo-DPO for its loss, on rows of `pair_dataset`.

    `alpha` weighs the alignment, 0 for plain DPO on the short text; `detach_short` holds the short
    text's reward fixed in it; β is `args.beta`. Takes what `DPOTrainer` takes, but a `Policy` for
    model and tokenizer; the reference is the policy as it comes, unless `ref_model` is another.
    Raises `OptionError` for settings of other losses, which would mean nothing here.
    """

    def __init__(
        self,
        policy: Policy,
        args: DPOConfig,
        train_dataset: Dataset,
        *,
        alpha: float = ALPHA["dpo"],
        detach_short: bool = False,
        ref_model: Any = None,
        **more: Any,
    ) -> None:
        _check(args)
        # TRL would leave our columns out.
        args.remove_unused_columns = False
        self._policy = policy
        self._alpha = alpha
        self._detach_short = detach_short
        self._terms: dict[str, list[float]] = {}
        super().__init__(
            model=policy.model,
            ref_model=frozen(policy).model if ref_model is None else ref_model,
            args=args,
            data_collator=self._collated,
            train_dataset=train_dataset,
            processing_class=policy.tokenizer,
            **more,
        )

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """L_DPO(x_short, y_w, y_l) + α · |r(x_short, y_w) - r(x_long, y_w)| over a micro-batch."""
        if return_outputs:
            raise OptionError("SoLo-DPO has no logits to give: leave out compute_metrics")
        found = solo_loss(
            "dpo",
            self._answered(model, inputs["short_chosen"]),
            self._answered(model, inputs["short_rejected"]),
            self._answered(model, inputs["long_chosen"]) if self._alpha else None,
            alpha=self._alpha,
            beta=self.args.beta,
            detach_short=self._detach_short,
        )
        for name, value in (
            ("preference", float(found.preference.detach())),
            ("alignment", float(found.alignment.detach())),
            ("correct", found.correct),
        ):
            self._terms.setdefault(name, []).append(value)
        return found.loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """What TRL logs, and the means of the loss's two terms and of the share of pairs with the
        right answer ahead, on this process, since the last time."""
        means = {f"solo/{name}": sum(some) / len(some) for name, some in self._terms.items()}
        self._terms.clear()
        super().log({**logs, **means}, start_time)

    def _collated(self, rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, torch.Tensor]]:
        """Tensors by their names in `Batch`, which the trainer puts on its device."""
        wanted = {"short_chosen": (SHORT, CHOSEN), "short_rejected": (SHORT, REJECTED)}
        if self._alpha:
            wanted["long_chosen"] = (LONG, CHOSEN)
        made = {}
        for name, (prompt, output) in wanted.items():
            pairs = [(row[prompt], row[output]) for row in rows]
            batch = collate(pairs, pad=self._policy.pad, device=torch.device("cpu"))
            made[name] = {field.name: getattr(batch, field.name) for field in fields(Batch)}
        return made

    def _answered(self, model: Any, tensors: dict[str, torch.Tensor]) -> Answered:
        batch = Batch(**tensors)

        def total(of: Any) -> torch.Tensor:
            logprobs, _ = score(on_device(self._policy, of, self.args), batch)
            return (logprobs * batch.mask).sum(dim=-1)

        with torch.no_grad():
            reference = total(self.ref_model)
        return Answered(total(model), batch.mask.sum(dim=-1), reference)


def _check(args: DPOConfig) -> None:
    """Raise `OptionError` for settings of DPO's relatives."""
    for name, wanted in _ONLY.items():
        if getattr(args, name) not in wanted:
            raise OptionError(
                f"SoLo-DPO wants {name}={wanted[0]!r}, got {getattr(args, name)!r}: what it says"
                " otherwise is of another loss, or would leave pairs out in silence"
            )
