"""The hybrid: causal Qwen2 or Qwen3 layers, then the same layers looking both ways, then two heads.

QwenLong-CPRS (arXiv 2505.18092, §2.2): a tag head of four rows and the LM head's rows of the label
words, read at every token of the window. The names of all weights are those of the published
checkpoint.

A hybrid may have a probe besides: another tag head, `probe_head`, behind its first `probe_layers`.
It reads what these make of a window and teaches them nothing, so that a critic is as good with it
as without.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from torch import Tensor, arange, autocast, float32, nn, zeros_like
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers import (
    Qwen2Config,
    Qwen2Model,
    Qwen2PreTrainedModel,
    Qwen3Config,
    Qwen3Model,
    Qwen3PreTrainedModel,
)

from cprs.critics.hybrid.kind import ARCHITECTURE
from cprs.train.reason.reasoner import TAGS, Outputs

NEVER = -1e4


@dataclass(frozen=True, slots=True)
class Inputs:
    """b rows of n tokens, each [prompt ; window ; padding].

    `ids` (b, n) int64; `prompt`, `length` (b,) int64: where the window begins and ends. Of the
    window, t tokens and u passages at most: `owner` (b, t) int64, the passage of a token; `mask`
    (b, t) bool; `sizes` (b, u) float32, tokens in a passage. `labels` (b, 1 + L) int64, rows of
    the LM head, the first of "outside", and `labels_mask` (b, 1 + L).
    """

    ids: Tensor
    prompt: Tensor
    length: Tensor
    owner: Tensor
    mask: Tensor
    sizes: Tensor
    labels: Tensor
    labels_mask: Tensor


class Hybrid(nn.Module):
    """What a hybrid adds to a family's model. Its `config` is a Qwen's with `bidirectional_from`,
    the first layer that looks both ways, `prefix`: what the prompt may see there, `frozen` or
    `exact`, and maybe `probe_layers`.

    In the bidirectional layers a window sees itself and the prompt; the prompt sees itself alone
    (`frozen`: it is the same for every window, in all layers) or the window too (`exact`).
    """

    # Read by transformers: the LM head is written once where it is the embeddings.
    _tied_weights_keys: ClassVar[dict[str, str]] = {"lm_head.weight": "model.embed_tokens.weight"}
    body: ClassVar[type[Any]]

    def __init__(self, config: Qwen2Config | Qwen3Config) -> None:
        super().__init__(config)
        self.model = self.body(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.cls_head = nn.Linear(config.hidden_size, len(TAGS))
        self.probe_head = None
        if getattr(config, "probe_layers", 0):
            self.probe_head = nn.Linear(config.hidden_size, len(TAGS))
        self.recompute = False
        """Whether to compute layers again in the backward pass, rather than keep what they made
        (gradient checkpointing, Chen et al. 2016, arXiv 1604.06174)."""
        self.post_init()

    def forward(self, given: Inputs) -> Outputs:
        """Read b windows, each under its own prompt. Padding changes nothing but rounding."""
        states, early = self.states(given)
        window = _windows(states, given)
        with autocast(window.device.type, enabled=False):
            window = window.to(float32)
            tags = _tags(window, self.cls_head)
            rows = self.lm_head.weight[given.labels].to(float32)
            labels = window @ rows.transpose(1, 2)
            probe = None if early is None else self._probe(_windows(early, given), given)
        token_odds = evidence_odds(tags)
        odds = pooled(token_odds, given)
        return Outputs(
            correction=zeros_like(odds),
            odds=odds,
            token_odds=token_odds,
            tags=tags,
            labels=labels.masked_fill(~given.labels_mask[:, None, :], NEVER),
            probe=probe,
        )

    def _probe(self, early: Tensor, given: Inputs) -> Tensor:
        """The probe's log-odds (b, u) of windows as the first layers leave them (b, t, d)."""
        assert self.probe_head is not None
        epsilon = self.config.rms_norm_eps
        normed = functional.rms_norm(early.to(float32), early.shape[-1:], eps=epsilon)
        return pooled(evidence_odds(_tags(normed, self.probe_head)), given)

    def states(self, given: Inputs) -> tuple[Tensor, Tensor | None]:
        """All tokens (b, n, d) after the last layer and norm; and, without a gradient, as the
        probe finds them, where there is one."""
        early: Tensor | None = None
        x = self.model.embed_tokens(given.ids)
        positions = arange(x.shape[1], device=x.device)[None]
        turn = self.model.rotary_emb(x, positions)
        both = visible(given, frozen=self.config.prefix == "frozen")
        for number, layer in enumerate(self.model.layers):
            if self.probe_head is not None and number == self.config.probe_layers:
                early = x.detach()
            causal = number < self.config.bidirectional_from
            again = self.recompute and self.training
            read = partial(checkpoint, layer, use_reentrant=False) if again else layer
            x = read(
                x,
                # Padding stands behind everything: no token sees it in a causal layer.
                attention_mask=None if causal else both,
                position_ids=positions,
                position_embeddings=turn,
                is_causal=causal,
            )
        return self.model.norm(x), early


class Qwen2Hybrid(Hybrid, Qwen2PreTrainedModel):
    """Of a Qwen2 or Qwen2.5."""

    body = Qwen2Model


class Qwen3Hybrid(Hybrid, Qwen3PreTrainedModel):
    """Of a Qwen3."""

    body = Qwen3Model


HYBRIDS: dict[str, type[Hybrid]] = {"qwen2": Qwen2Hybrid, "qwen3": Qwen3Hybrid}
"""By the family that a configuration names as its `model_type`."""
for _hybrid in HYBRIDS.values():
    # What transformers writes into a folder's configuration: one architecture, whatever the family.
    _hybrid.__name__ = ARCHITECTURE


def visible(given: Inputs, *, frozen: bool) -> Tensor | None:
    """Which token (query, key) may look at which in the bidirectional layers, (b, 1, n or 1, n)
    bool; None where each may look at all."""
    places = arange(given.ids.shape[1], device=given.ids.device)
    valid = (places < given.length[:, None])[:, None, None, :]
    if frozen:
        prompt = (places < given.prompt[:, None])[:, None, :]
        return valid & (prompt[..., None, :] | ~prompt[..., :, None])
    return None if bool((given.length == given.ids.shape[1]).all()) else valid


def _windows(states: Tensor, given: Inputs) -> Tensor:
    """Of rows (b, n, d) the windows (b, t, d)."""
    places = given.prompt[:, None] + arange(given.mask.shape[1], device=states.device)
    index = places.clamp(max=states.shape[1] - 1)[..., None]
    return states.gather(1, index.expand(-1, -1, states.shape[2]))


def _tags(states: Tensor, head: nn.Linear) -> Tensor:
    """Logits (b, t, 4) in float32."""
    return functional.linear(states, head.weight.to(float32), head.bias.to(float32))


def evidence_odds(tags: Tensor) -> Tensor:
    """ln((1 - P(O)) / P(O)) (b, t) of tag logits (b, t, 4): ln Σ_{B, I, E} e^z - z_O."""
    outside = TAGS.index("O")
    inside = [i for i in range(len(TAGS)) if i != outside]
    return tags[..., inside].logsumexp(-1) - tags[..., outside]


def pooled(odds: Tensor, given: Inputs) -> Tensor:
    """The mean (b, u) of each passage's tokens' log-odds (b, t); 0 for a passage of padding."""
    total = odds.new_zeros(given.sizes.shape)
    total = total.scatter_add(1, given.owner, odds * given.mask)
    return total / given.sizes.clamp(min=1)
