"""What the plugin returns of a token: logits of the tags and of the label words."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from vllm.model_executor.layers.pooler.tokwise.heads import TokenPoolerHead

from cprs.critics.vllm.process import ROWS


class CriticHead(TokenPoolerHead):
    """Logits (n, 4 + R) in float32 of hidden states (n, h): B I O E, then the LM head's rows of
    "outside" and of the labels, the request's own or those that the server was started with. The
    tags alone where `words`, the LM head, is None."""

    def __init__(self, tags: nn.Linear, words: Any, rows: Sequence[int]) -> None:
        super().__init__()
        self.tags = tags
        self.words = words
        self.rows = tuple(rows)

    def get_supported_tasks(self) -> Set[str]:
        """Token classification alone."""
        return {"token_classify"}

    def forward_chunk(self, pooled_data: Tensor | None, pooling_param: Any) -> Tensor | None:
        """The logits of one sequence; None where it is not finished."""
        if pooled_data is None:
            return None
        own = (pooling_param.extra_kwargs or {}).get(ROWS)
        rows = self.rows if own is None else tuple(own)
        hidden = pooled_data.to(torch.float32)
        tags = functional.linear(
            hidden, self.tags.weight.to(torch.float32), self.tags.bias.to(torch.float32)
        )
        if self.words is None:
            return tags
        # A lookup, so that it works where the vocabulary is spread over several GPUs.
        words = self.words(torch.tensor(rows, device=hidden.device))
        return torch.cat([tags, hidden @ words.to(torch.float32).T], dim=-1)
