"""A base that learns together with the layers above it: windows are read anew at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from torch import Tensor, device, nn

from cprs.train.reason import collate
from cprs.train.reason.bert import Bert
from cprs.train.reason.collate import pad
from cprs.train.reason.dataset import GivenIds
from cprs.train.reason.reasoner import Inputs, Outputs, Reasoner

BASE = ("base.",)
"""How the names of the base's parameters begin."""


@dataclass(frozen=True, slots=True)
class InputIds(Inputs):
    """The same, and the token ids `window_ids` (b, t) and `prompt_ids` (b, q), int64."""

    window_ids: Tensor
    prompt_ids: Tensor


class Along(nn.Module):
    """The reasoning layers above what the base makes of the token ids now. The prior's features
    and log-odds, and what labels mean, are as given: from the base at the start."""

    def __init__(self, base: Bert, reasoner: Reasoner) -> None:
        super().__init__()
        self.base = base
        self.reasoner = reasoner

    def forward(self, given: InputIds) -> Outputs:
        """Read b windows and prompts, each alone, then each window under its prompt."""
        window = self.base(given.window_ids, given.window_mask)
        prompt = self.base(given.prompt_ids, given.prompt_mask)
        outputs: Outputs = self.reasoner(replace(given, window=window, prompt=prompt))
        return outputs


def inputs_of(given: Sequence[GivenIds], *, on: device | None = None) -> InputIds:
    """What base and layers read of several windows."""
    known = collate.inputs_of(given, on=on)
    return InputIds(
        **{field.name: getattr(known, field.name) for field in fields(known)},
        window_ids=pad([g.ids.astype(np.int64) for g in given], on),
        prompt_ids=pad([g.prompt_ids.astype(np.int64) for g in given], on),
    )
