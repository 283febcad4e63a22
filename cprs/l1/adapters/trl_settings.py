"""TRL's settings, where ours must agree with them."""

from __future__ import annotations

from typing import Any

from cprs.errors import OptionError
from cprs.l1.policy import Policy


def check_length(args: Any, longest: int) -> None:
    """Raise `OptionError` where TRL's `max_length`, 1,024 unless said otherwise, would cut the
    `longest` row: our own limit is that of the prompts."""
    if args.max_length is not None and args.max_length < longest:
        raise OptionError(
            f"max_length={args.max_length} would cut rows of up to {longest:,} tokens in silence:"
            " set max_length=None"
        )


def on_device(policy: Policy, model: Any, args: Any) -> Policy:
    """The policy as the trainer has it: its `model` wrapped, where and as precise as it is told."""
    return Policy(model, policy.tokenizer, args.device, bool(args.bf16), policy.lora)
