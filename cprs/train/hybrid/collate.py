"""A hybrid's windows of different lengths as tensors of one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor, device, from_numpy

from cprs.critics.layers import owner_of
from cprs.train.hybrid.dataset import Given
from cprs.train.hybrid.model import Inputs
from cprs.train.reason.collate import pad


def inputs_of(given: Sequence[Given], *, on: device | None = None) -> Inputs:
    """What the model reads of several windows, prompt and window in a row, padding behind."""
    return Inputs(
        ids=pad([np.concatenate([g.prompt, g.ids]).astype(np.int64) for g in given], on),
        prompt=_column([len(g.prompt) for g in given], on),
        length=_column([len(g.prompt) + len(g.ids) for g in given], on),
        owner=pad([owner_of(g.units) for g in given], on),
        mask=pad([np.ones(len(g.ids), bool) for g in given], on),
        sizes=pad([np.diff(g.units, axis=1)[:, 0].astype(np.float32) for g in given], on),
        # Room for a label where nobody names one: losses ask which of them it is.
        labels=pad([g.rows for g in given], on, least=2),
        labels_mask=pad([np.ones(len(g.rows), bool) for g in given], on, least=2),
    )


def _column(numbers: Sequence[int], on: device | None) -> Tensor:
    return from_numpy(np.array(numbers, np.int64)).to(on)
