"""Attention both ways over vLLM's paged cache, so that a frozen prompt's blocks can be held."""

from __future__ import annotations

from typing import Any

from vllm.config import VllmConfig, get_current_vllm_config
from vllm.model_executor.layers.attention import Attention, PrefillPrefixLMAttention


class BothWays(PrefillPrefixLMAttention):
    """Sees everything that is cached of a sequence, and all of what is read now.

    Its parent tells vLLM not to hold blocks of such a layer. Of a frozen hybrid's prompt they may
    be held; that nothing else is found is up to `cprs.critics.vllm.prefix`.
    """

    def get_kv_cache_spec(self, vllm_config: VllmConfig) -> Any:
        """That of an ordinary layer."""
        return Attention.get_kv_cache_spec(self, vllm_config)


def both_ways(causal: Any) -> BothWays:
    """The same layer as `causal`, in its place, but looking both ways."""
    config = get_current_vllm_config()
    # Layers are known by their name, which is taken.
    del config.compilation_config.static_forward_context[causal.layer_name]
    return BothWays(
        causal.num_heads,
        causal.head_size,
        float(causal.impl.scale),
        num_kv_heads=causal.num_kv_heads,
        cache_config=config.cache_config,
        quant_config=config.quant_config,
        prefix=causal.layer_name,
    )
