"""Low-rank adapters (Hu et al. 2021, arXiv 2106.09685) in place of all of a base's weights.

W x becomes W x + (alpha / r) B A x, with A (r, in) and B (out, r) that learn, B from zero, in every
matrix of every layer. Afterwards they are added into W, so that what is written is a hybrid like
any other.
"""

from __future__ import annotations

import torch

from cprs.train.hybrid.model import Hybrid
from cprs.train.reason.recipe import Recipe

MATRICES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
HEADS = ("cls_head.", "probe_head.")


def add_adapters(model: Hybrid, recipe: Recipe) -> None:
    """Put adapters of the recipe's rank into all layers, in float32, as its seed gives them. They,
    the tag head and the probe learn; everything else stays."""
    from peft import LoraConfig, inject_adapter_in_model
    from peft.tuners.lora import LoraLayer

    config = LoraConfig(
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha or 2 * recipe.lora_rank,
        target_modules=list(MATRICES),
    )
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        inject_adapter_in_model(config, model)
    for module in model.modules():
        if isinstance(module, LoraLayer):
            module.lora_A.float()
            module.lora_B.float()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(HEADS) or ".lora_" in name)


def merge_adapters(model: Hybrid) -> None:
    """Add the adapters into the weights beside them, and take them out."""
    from peft.tuners.lora import LoraLayer

    for name, module in list(model.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            model.set_submodule(name, module.get_base_layer())
    # Written by peft; a model without adapters has none.
    if hasattr(model, "peft_config"):
        del model.peft_config
    for parameter in model.parameters():
        parameter.requires_grad_(True)
