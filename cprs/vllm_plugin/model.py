"""The hybrid critic as a vLLM model for its pooling runner."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, float32, nn
from vllm.compilation.decorators import ignore_torch_compile
from vllm.config import VllmConfig
from vllm.model_executor.layers.pooler.tokwise import get_tok_pooling_method
from vllm.model_executor.layers.pooler.tokwise.poolers import TokenPooler
from vllm.model_executor.layers.vocab_parallel_embedding import VocabParallelEmbedding
from vllm.model_executor.models.interfaces_base import attn_type, default_pooling_type
from vllm.model_executor.models.qwen2 import Qwen2DecoderLayer, Qwen2Model
from vllm.model_executor.models.qwen3 import Qwen3DecoderLayer
from vllm.model_executor.models.utils import AutoWeightsLoader, extract_layer_index, maybe_prefix

from cprs.critics.hybrid.config import HybridConfig
from cprs.critics.hybrid.tokens import BEGIN
from cprs.critics.vllm.process import CACHING
from cprs.critics.vllm.served import Served
from cprs.labels import TAGS
from cprs.vllm_plugin.attention import FrozenAttention, Prompts
from cprs.vllm_plugin.cached import both_ways
from cprs.vllm_plugin.head import CriticHead
from cprs.vllm_plugin.options import check_options
from cprs.vllm_plugin.prompts import PromptFinder

_LAYERS = {"qwen2": Qwen2DecoderLayer, "qwen3": Qwen3DecoderLayer}


@ignore_torch_compile
class HybridModel(Qwen2Model):
    """Qwen2's or Qwen3's layers. Not compiled: prompts lie elsewhere in every step."""


@attn_type("encoder_only")
@default_pooling_type(tok_pooling_type="ALL")
class HybridForTokenClassification(nn.Module):
    """Causal layers, then layers that look both ways, then the tag head and the label words.

    `attn_type` makes vLLM leave chunked prefill and prefix caching off, which would both give
    wrong tags: a window must be read whole, in one step.
    """

    is_pooling_model = True
    hf_to_vllm_mapper = Qwen2Model.hf_to_vllm_mapper
    packed_modules_mapping = {  # noqa: RUF012 - vLLM's own form
        "qkv_proj": ["q_proj", "k_proj", "v_proj"],
        "gate_up_proj": ["gate_proj", "up_proj"],
    }

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__()
        model = vllm_config.model_config
        served = Served.read(model.model)
        cached = bool(getattr(model.hf_config, CACHING, False))
        check_options(vllm_config, cached=cached)
        self.quant_config = vllm_config.quant_config
        self._finder = _finder(served) if served.config.prefix == "frozen" else None
        self._prompts = Prompts()
        self.model = HybridModel(
            vllm_config=vllm_config,
            prefix=maybe_prefix(prefix, "model"),
            decoder_layer_type=_layer(served.config, self._prompts, cached=cached),
        )
        self.lm_head = self.model.embed_tokens
        if not served.config.tied:
            self.lm_head = VocabParallelEmbedding(
                served.config.vocabulary,
                served.config.width,
                prefix=maybe_prefix(prefix, "lm_head"),
            )
        self.cls_head = nn.Linear(served.config.width, len(TAGS), dtype=float32)
        self.pooler = TokenPooler(
            pooling=get_tok_pooling_method(model.pooler_config.get_tok_pooling_type()),
            head=CriticHead(self.cls_head, self.lm_head, served.rows),
        )

    def embed_input_ids(self, input_ids: Tensor) -> Tensor:
        """Embeddings (n, h) of tokens (n,)."""
        embedded: Tensor = self.model.embed_input_ids(input_ids)
        return embedded

    def forward(
        self,
        input_ids: Tensor | None,
        positions: Tensor,
        intermediate_tensors: Any = None,
        inputs_embeds: Tensor | None = None,
    ) -> Tensor:
        """Hidden states (n, h) of a step's packed sequences, after the last norm."""
        if self._finder is not None and input_ids is not None:
            self._prompts.found = self._finder.find(
                input_ids.cpu().numpy(), positions.cpu().numpy()
            )
        hidden: Tensor = self.model(input_ids, positions, intermediate_tensors, inputs_embeds)
        return hidden

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> set[str]:
        """Load a checkpoint's tensors by their own names."""
        # Here everything is read: there is no first look.
        loader = AutoWeightsLoader(self, ignore_unexpected_prefixes=["probe_head."])
        loaded: set[str] = loader.load_weights(weights, mapper=self.hf_to_vllm_mapper)
        if self.lm_head is not self.model.embed_tokens and "lm_head.weight" not in loaded:
            # A checkpoint without one tags all the same; there are no labels then.
            self.lm_head = self.pooler.head.words = None
        if "cls_head.weight" not in loaded:
            raise ValueError(
                "the checkpoint has no cls_head.weight: it is no critic yet; train one with:"
                " cprs train critic"
            )
        return loaded


def _layer(config: HybridConfig, prompts: Prompts, *, cached: bool) -> type[nn.Module]:
    """A decoder layer that is causal below `bidirectional_from` and looks both ways from there.
    `cached`: it keeps keys and values there too."""
    base: Any = _LAYERS[config.family]

    class HybridLayer(base):
        def __init__(self, config: Any, *args: Any, prefix: str = "", **more: Any) -> None:
            both = extract_layer_index(prefix) >= first
            # The layer itself asks the configuration which attention to build.
            before = getattr(config, "is_causal", True)
            config.is_causal = not both or cached
            try:
                super().__init__(config, *args, prefix=prefix, **more)
            finally:
                config.is_causal = before
            if both and frozen:
                causal = self.self_attn.attn
                whole = both_ways(causal) if cached else causal
                self.self_attn.attn = FrozenAttention(whole, prompts)

    first, frozen = config.bidirectional_from, config.prefix == "frozen"
    return HybridLayer


def _finder(served: Served) -> PromptFinder:
    head = served.tokens.ids("context\n")
    return PromptFinder(begin=served.tokens.marker(BEGIN), head=len(head))
