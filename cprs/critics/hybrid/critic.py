"""The hybrid critic on torch: the published checkpoint, or one that `cprs train critic` wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from cprs_kernels.packed import Packed
from numpy.typing import NDArray

from cprs.critics.base import State, TokenScores
from cprs.critics.hybrid.checkpoint import Checkpoint
from cprs.critics.hybrid.decode import PUBLISHED, Decoding
from cprs.critics.hybrid.model import HybridModel, Prefix
from cprs.critics.hybrid.placement import DeviceMap, place
from cprs.critics.hybrid.prompt import RolesPrompt, roles_prompt
from cprs.critics.hybrid.tokens import Tokens, load_tokens
from cprs.critics.hybrid.window import content, room
from cprs.errors import OptionError, unknown
from cprs.guidance import Guidance
from cprs.labels import TAGS
from cprs.windows import Encoded, Window

PASSAGES = "passages"
DTYPES = ("auto", "float32", "bfloat16", "float16")
_ROWS = 1 << 16
"""Tokens that a GPU reads in one step."""
_TINY = 1e-38


class HybridCritic:
    """A hybrid and its tokenizer. Windows hold three quarters of what the model reads at once, the
    prompt the rest at most, so that a text's windows are the same whatever is asked about it."""

    threshold = 0.5

    def __init__(
        self, model: HybridModel, tokens: Tokens, *, digest: str, decoding: Decoding | None = None
    ) -> None:
        self.model = model
        self.decoding = decoding
        """How tags become spans where nothing else decides; None: passages by their scores."""
        kind = str(model.dtype).removeprefix("torch.")
        self.name = f"hybrid-{digest[:8]}-{kind}-{model.device.type}"
        self.window = content(model.config.window)
        self._tokens = tokens
        # torch spreads each step over all cores, or the GPU's processors, by itself.
        self._turn = Lock()

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        device: str = "cpu",
        dtype: str = "auto",
        device_map: DeviceMap | None = None,
        window: int | None = None,
        decode: str | Decoding = PASSAGES,
    ) -> HybridCritic:
        """Load a Hugging Face folder with a tag head.

        `device`, `device_map`: as `cprs.critics.hybrid.placement.place` takes them. `dtype`: one
        of `DTYPES`; "auto" is float32 on a CPU, and on a GPU bfloat16 unless the weights are
        float16. `window`: tokens read at once, the prompt among them, if not as many as the folder
        says or the published 8,192. `decode`: what decides where no budget, ratio or threshold
        does, the "passages" that score 0.5 or the tags as the "published" API decodes them.

        Raises `WeightsError` for weights that are missing, broken, of another shape, or a plain
        model's, and `OptionError` for options that do not fit them or this machine.
        """
        folder = Path(folder)
        checkpoint = Checkpoint.open(folder, window=window).critic()
        tokens = load_tokens(folder)
        placement = place(checkpoint.config, device=device, device_map=device_map)
        wanted = _dtype(dtype, checkpoint.config.dtype, placement.kind)
        model = HybridModel.load(checkpoint, placement, dtype=wanted)
        return cls(model, tokens, digest=checkpoint.digest, decoding=_decoding(decode))

    def encode(self, text: str) -> Encoded:
        """The base's tokens."""
        return self._tokens.encode(text)

    def read(self, windows: Sequence[Window]) -> list[State]:
        """Nothing: the model reads no window without its prompt."""
        return [()] * len(windows)

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> HybridScorer:
        """Prepare the prompt."""
        prompt = roles_prompt(self._tokens, guidance, room=room(self.model.config.window))
        return HybridScorer(self.model, prompt, guidance, self._turn)


class HybridScorer:
    """The model under one prompt, which is computed at the first call and held as long as this."""

    def __init__(
        self, model: HybridModel, prompt: RolesPrompt, guidance: Guidance, turn: Lock
    ) -> None:
        self._model = model
        self._prompt = prompt
        self._turn = turn
        # On a CPU, where reading windows together saves nothing, each is read alone, and scores
        # do not depend on the company even in the last bit.
        self._alone = model.device.type == "cpu"
        self._prefix: Prefix | None = None
        self._rows = torch.from_numpy(prompt.rows) if guidance.labels else None
        self.warnings = tuple(_warnings(prompt, guidance))

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        """Score windows; each token carries its passage's probability of being evidence, the
        mean of its tokens' log-odds (1 - P(O)) / P(O).

        Raises `OptionError` for a window that does not fit behind the prompt.
        """
        self._check(windows)
        found = [TokenScores(np.zeros(0, np.float32))] * len(windows)
        for step in self._steps(windows):
            tags, labels = self._run([windows[i] for i in step])
            at = 0
            for i in step:
                end = at + len(windows[i])
                found[i] = _scores(
                    windows[i], tags[at:end], None if labels is None else labels[at:end]
                )
                at = end
        return found

    def _check(self, windows: Sequence[Window]) -> None:
        longest, most = max(map(len, windows), default=0), self._model.config.window
        if len(self._prompt.ids) + longest > most:
            raise OptionError(
                f"a window of {longest} tokens does not fit: the critic reads {most} at once, its"
                f" prompt of {len(self._prompt.ids)} among them"
            )

    def _steps(self, windows: Sequence[Window]) -> Iterator[list[int]]:
        """The numbers of windows that are read together, at most `_ROWS` tokens of them."""
        step: list[int] = []
        rows = 0
        for i, window in enumerate(windows):
            if not len(window):
                continue
            more = len(window) + len(self._prompt.ids)
            if step and (self._alone or rows + more > _ROWS):
                yield step
                step, rows = [], 0
            step.append(i)
            rows += more
        if step:
            yield step

    def _run(
        self, windows: Sequence[Window]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Tags (n, 4) and labels (n, L) of all tokens of several windows."""
        model = self._model
        ids = torch.from_numpy(np.concatenate([w.token_ids for w in windows]).astype(np.int64))
        with self._turn, torch.inference_mode():
            if self._prefix is None:
                prompt = torch.from_numpy(self._prompt.ids.astype(np.int64))
                self._prefix = model.prefix(prompt.to(model.device))
            lengths = [len(w) for w in windows]
            packed = Packed.of(lengths, prefix=self._prefix.length, device=model.device)
            hidden = model.windows(ids.to(model.device), packed, self._prefix)
            said = model.heads(hidden, self._rows)
            tags = said.tags.cpu().numpy()
            labels = None if said.labels is None else said.labels[:, 1:].cpu().numpy()
        return tags, labels


def _scores(
    window: Window, tags: NDArray[np.float32], labels: NDArray[np.float32] | None
) -> TokenScores:
    """A window's scores out of what the heads say of its tokens (t, 4), (t, L)."""
    outside = TAGS.index("O")
    evidence = np.delete(tags, outside, axis=1).sum(axis=1, dtype=np.float64)
    odds = np.log(np.maximum(evidence, _TINY)) - np.log(np.maximum(tags[:, outside], _TINY))
    sizes = np.diff(window.units, axis=1)[:, 0]
    means = np.add.reduceat(odds, window.units[:, 0]) / sizes
    keep = (1 / (1 + np.exp(-means))).astype(np.float32)
    return TokenScores(keep=np.repeat(keep, sizes), tags=tags, labels=labels)


def _dtype(name: str, stored: str, kind: str) -> torch.dtype:
    if name not in DTYPES:
        raise unknown("dtype", name, DTYPES)
    if name == "auto":
        name = "float32" if kind == "cpu" else "float16" if stored == "float16" else "bfloat16"
    found: torch.dtype = getattr(torch, name)
    return found


def _decoding(decode: str | Decoding) -> Decoding | None:
    if isinstance(decode, Decoding):
        return decode
    if decode not in (PASSAGES, PUBLISHED):
        raise unknown("decode", decode, [PASSAGES, PUBLISHED])
    return Decoding() if decode == PUBLISHED else None


def _warnings(prompt: RolesPrompt, guidance: Guidance) -> list[str]:
    found: list[str] = []
    if prompt.shortened:
        found.append("instruction and query are too long: only their beginning and end count")
    first: dict[int, str] = {}
    for token, label in zip(prompt.rows[1:].tolist(), guidance.labels, strict=True):
        if first.setdefault(token, label) != label:
            found.append(
                f"labels {first[token]!r} and {label!r} begin alike and cannot be told apart:"
                " rename one"
            )
    return found
