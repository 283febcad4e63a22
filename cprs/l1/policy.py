"""The policy: a causal language model with its tokenizer, loaded, made smaller to train, saved."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cprs.errors import OptionError, WeightsError
from cprs.l1.extras import require

LORA_LAYERS = "all-linear"


@dataclass(slots=True)
class Policy:
    """A `model` as transformers has it, its `tokenizer`, and the `device` it is on. `short` says
    that it multiplies in bfloat16; its weights stay in float32, or updates as small as 2e-6 would
    be rounded away. `lora` says that only adapters learn."""

    model: Any
    tokenizer: Any
    device: torch.device
    short: bool = False
    lora: bool = False

    @property
    def pad(self) -> int:
        """The token for places that are masked anyway."""
        pad = self.tokenizer.pad_token_id
        return int(pad if pad is not None else min(self.ends))

    @property
    def ends(self) -> frozenset[int]:
        """The tokens that end an output."""
        found = getattr(self.model.generation_config, "eos_token_id", None)
        several = found if isinstance(found, list) else [found]
        ids = {one for one in (*several, self.tokenizer.eos_token_id) if one is not None}
        if not ids:
            raise OptionError("the tokenizer has no end token: outputs would never finish")
        return frozenset(int(one) for one in ids)

    @property
    def end(self) -> int:
        """The token that outputs to learn from are given: the tokenizer's own, which for a chat
        model ends a turn, where the model knows several."""
        own = self.tokenizer.eos_token_id
        return int(own if own is not None else min(self.ends))

    @contextmanager
    def precision(self) -> Iterator[None]:
        """Multiply as `short` says."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.short):
            yield

    def trained(self) -> list[torch.nn.Parameter]:
        """The parameters that learn."""
        return [p for p in self.model.parameters() if p.requires_grad]


def load_policy(
    path: str | Path,
    *,
    device: str = "cpu",
    precision: str = "auto",
    gradient_checkpointing: bool = False,
    lora_rank: int = 0,
    lora_alpha: float = 32.0,
    seed: int = 0,
) -> Policy:
    """A policy from a folder in Hugging Face's layout, or a name that transformers knows.

    `lora_rank` above 0 puts adapters of peft into every linear layer, drawn from `seed`, and trains
    them alone. Raises `WeightsError` where there is no model, `OptionError` without peft.
    """
    # transformers would look these up as names, and try at length.
    named = (
        not Path(path).is_absolute() and not str(path).startswith(".") and str(path).count("/") < 2
    )
    if not named and not Path(path).is_dir():
        raise WeightsError(f"{path}: no causal language model to load: there is no such folder")
    from transformers import AutoModelForCausalLM

    _without_bars()
    try:
        tokenizer = _tokenizer(str(path))
        model = AutoModelForCausalLM.from_pretrained(str(path), dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{path}: no causal language model to load: {said}") from error
    return make_policy(
        model,
        tokenizer,
        device=device,
        precision=precision,
        gradient_checkpointing=gradient_checkpointing,
        lora_rank=lora_rank,
        lora_alpha=lora_alpha,
        seed=seed,
    )


def make_policy(
    model: Any,
    tokenizer: Any,
    *,
    device: str = "cpu",
    precision: str = "auto",
    gradient_checkpointing: bool = False,
    lora_rank: int = 0,
    lora_alpha: float = 32.0,
    seed: int = 0,
) -> Policy:
    """A policy from a model in memory; see `load_policy`."""
    on = torch.device(device)
    if lora_rank:
        model = _with_adapters(model, lora_rank, lora_alpha, seed)
    model.to(on)
    if gradient_checkpointing:
        # Adapters take no gradient through a checkpointed first layer unless its input asks for it.
        if lora_rank:
            model.enable_input_require_grads()
        # transformers 5.2x renamed it.
        name = "activation" if hasattr(model, "activation_checkpointing_enable") else "gradient"
        enable = getattr(model, f"{name}_checkpointing_enable")
        enable(**{f"{name}_checkpointing_kwargs": {"use_reentrant": False}})
        # Nothing is checkpointed of a model that is not being trained, as loaded ones are not.
        model.train()
        _without_dropout(model)
    short = precision == "bfloat16" or (precision == "auto" and on.type == "cuda")
    return Policy(model, tokenizer, on, short=short, lora=bool(lora_rank))


def frozen(policy: Policy) -> Policy:
    """A policy like this one, in memory beside it, that does not learn: to be compared with. Of
    LoRA, only the adapters are there twice."""
    shared = {
        id(weight): weight for weight in policy.model.parameters() if not weight.requires_grad
    }
    model = copy.deepcopy(policy.model, shared).eval().requires_grad_(False)
    inner = model.get_base_model() if policy.lora else model
    # TRL wraps `forward` in a closure over the model it is given: a copy that kept it would go on
    # answering with that model's weights.
    for part in (model, inner):
        part.__dict__.pop("forward", None)
    return Policy(model, policy.tokenizer, policy.device, policy.short, policy.lora)


def save_policy(policy: Policy, folder: Path, weights: dict[str, Any] | None = None) -> None:
    """Write model and tokenizer in Hugging Face's layout; of LoRA, the adapters alone. `weights`
    take the place of the model's own where those are spread over processes."""
    folder.mkdir(parents=True, exist_ok=True)
    _without_bars()
    policy.model.save_pretrained(str(folder), state_dict=weights, safe_serialization=True)
    policy.tokenizer.save_pretrained(str(folder))


def publish(policy: Policy, folder: Path, name: str, weights: dict[str, Any] | None = None) -> Path:
    """Write the policy to `folder`/`name` whole or not at all, for another process to read."""
    part, whole = folder / f".{name}.part", folder / name
    save_policy(policy, part, weights)
    if whole.exists():
        for file in whole.iterdir():
            file.unlink()
        whole.rmdir()
    os.replace(part, whole)
    return whole


def _without_dropout(model: Any) -> None:
    """Log-probabilities of one output must be the same twice."""
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
        for name in ("attention_dropout", "dropout"):
            if isinstance(getattr(part, name, None), float):
                setattr(part, name, 0.0)


def _without_bars() -> None:
    """A bar of transformers' own would stand in what a command says."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def _tokenizer(path: str) -> Any:
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    config = Path(path) / "tokenizer_config.json"
    if config.is_file():
        named = json.loads(config.read_text(encoding="utf-8")).get("tokenizer_class")
        # transformers goes by the model's kind before this, and a Qwen2's own tokenizer reads any
        # other's file into one that makes nothing of most texts.
        if named in ("TokenizersBackend", "PreTrainedTokenizerFast"):
            return PreTrainedTokenizerFast.from_pretrained(path)
    return AutoTokenizer.from_pretrained(path)


def _with_adapters(model: Any, rank: int, alpha: float, seed: int) -> Any:
    require("peft", what="LoRA", install="peft")
    import peft

    config = peft.LoraConfig(
        r=rank, lora_alpha=alpha, target_modules=LORA_LAYERS, task_type="CAUSAL_LM"
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return peft.get_peft_model(model, config)
