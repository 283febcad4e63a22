"""The embedded critic's base: a small pretrained encoder that reads windows, never the query."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cprs.critics.runtimes import Runtime, RuntimeName, open_runtime
from cprs.critics.unknown_words import UnknownWords
from cprs.critics.weights import Weights, load_weights
from cprs.critics.wordpiece import WordPiece
from cprs.engine.cores import cores
from cprs.windows import Encoded


class Base:
    """Reads token ids into states, one window at a time and any number of threads.

    `name` identifies the weights, `width` is the size of a state, `window` the content tokens
    read at once at most. `runtime` says what runs it.
    """

    def __init__(self, weights: Weights, runtime: Runtime) -> None:
        self.name = f"{weights.base}-{weights.quantisation}-{weights.digest[:8]}"
        self.width = weights.width
        self.window = weights.window
        self.runtime = runtime.name
        self._run = runtime
        self._tokenizer = WordPiece(weights.tokenizer_json)
        self._unknown = UnknownWords(self._tokenizer.vocabulary)
        self._begin = self._tokenizer.id("[CLS]")
        self._end = self._tokenizer.id("[SEP]")

    @classmethod
    def load(
        cls,
        path: Path | None = None,
        *,
        runtime: RuntimeName = "auto",
        threads: int | None = None,
    ) -> Base:
        """Load a weights folder, by default the shipped one.

        `threads` windows are read at the same time, by default one per core. Raises
        `WeightsError` where the files or the runtime are not in order.
        """
        weights = load_weights(path)
        return cls(weights, open_runtime(weights.model, runtime, threads=threads or cores()))

    @property
    def vocabulary(self) -> Sequence[str]:
        """The tokens by id."""
        return self._tokenizer.vocabulary

    def encode(self, text: str) -> Encoded:
        """Tokens of a text with their offsets; words that the vocabulary lacks are told apart."""
        return self._unknown.told_apart(text, self._tokenizer.encode(text))

    def read(self, token_ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """States (t, width) of the t content tokens of one window: the last hidden layer.

        They depend on `token_ids` alone, bit for bit, whatever else is read and by how many
        threads. [CLS] and [SEP] are added before and removed after.
        """
        count = len(token_ids)
        if not count:
            return np.zeros((0, self.width), np.float32)
        if count > self.window:
            raise ValueError(f"a window holds at most {self.window} tokens, got {count}")
        ids = np.empty((1, count + 2), np.int64)
        ids[0, 0], ids[0, -1] = self._begin, self._end
        ids[0, 1:-1] = self._unknown.learnt(token_ids)
        return self._run(ids)[0, 1:-1]

    def embed_query(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.float32], bool]:
        """A query's token ids (t,), their states (t, width), and whether it was shortened.

        Of a query longer than a window the two ends are read: what is asked mostly stands
        first or last.
        """
        ids = self.encode(text).ids
        shortened = len(ids) > self.window
        if shortened:
            half = self.window // 2
            ids = np.concatenate([ids[:half], ids[half - self.window :]])
        return ids, self.read(ids), shortened
