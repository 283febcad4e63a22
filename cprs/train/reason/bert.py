"""A BERT on torch, for training: it reads what `cprs.critics.embedded_base.Base` reads."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, arange, nn
from torch.nn import functional
from transformers import BertConfig, BertModel

from cprs.critics.unknown_words import UnknownWords
from cprs.critics.weights import TOKENIZER
from cprs.critics.wordpiece import WordPiece
from cprs.errors import WeightsError
from cprs.train.export.critic import CONFIG, TENSORS


class Bert(nn.Module):
    """Token ids to states, each window between [CLS] and [SEP], which are not given back."""

    learnt: Tensor

    def __init__(self, model: BertModel, wordpiece: WordPiece) -> None:
        super().__init__()
        self.model = model
        self._begin, self._end = wordpiece.id("[CLS]"), wordpiece.id("[SEP]")
        vocabulary = wordpiece.vocabulary
        ids = UnknownWords(vocabulary).learnt(np.arange(len(vocabulary), dtype=np.int32))
        self.register_buffer("learnt", torch.from_numpy(ids.astype(np.int64)), persistent=False)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """States (b, t, d) of `ids` (b, t) int64; `mask` (b, t) bool is False on padding, which
        stands behind."""
        length = mask.sum(dim=1, keepdim=True)
        framed = functional.pad(self.learnt[ids], (1, 1))
        framed[:, 0] = self._begin
        framed.scatter_(1, length + 1, self._end)
        visible = arange(framed.shape[1], device=ids.device) < length + 2
        read = self.model(input_ids=framed, attention_mask=visible.long())
        states: Tensor = read.last_hidden_state[:, 1:-1]
        return states


def load_bert(folder: Path, *, checkpointing: bool = False) -> Bert:
    """The BERT in `folder` in float32; `checkpointing`: compute layers again in the backward pass,
    rather than keep what they made. Raises `WeightsError` where a file is missing or broken."""
    safetensors: Any = importlib.import_module("safetensors.torch")
    try:
        config = BertConfig(**json.loads((folder / CONFIG).read_text(encoding="utf-8")))
        # Its states are read as in use; the layers above drop out of themselves.
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
        config.use_cache = False
        model = BertModel(config, add_pooling_layer=False)
        found = safetensors.load_file(folder / TENSORS)
        tensors = {name.removeprefix("bert."): tensor for name, tensor in found.items()}
        model.load_state_dict({name: tensors[name] for name in model.state_dict()})
        wordpiece = WordPiece((folder / TOKENIZER).read_text(encoding="utf-8"))
        bert = Bert(model, wordpiece)
    except Exception as error:  # whatever a broken file or a wrong shape raises
        raise WeightsError(f"{folder}: no complete BERT can be read: {error}") from error
    if checkpointing:
        # The older of the two names warns where there is a newer.
        older = model.gradient_checkpointing_enable
        getattr(model, "activation_checkpointing_enable", older)()
    return bert


def save_bert(bert: Bert, like: Path, out: Path) -> None:
    """Write the weights in float32 into `out`, with configuration and tokenizer of `like`."""
    safetensors: Any = importlib.import_module("safetensors.torch")
    for name in (CONFIG, TOKENIZER):
        shutil.copyfile(like / name, out / name)
    tensors = {n: t.detach().to("cpu", torch.float32) for n, t in bert.model.state_dict().items()}
    safetensors.save_file(tensors, out / TENSORS, metadata={"format": "pt"})
