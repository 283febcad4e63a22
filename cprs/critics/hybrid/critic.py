"""The hybrid critic on torch: the published checkpoint, or one that `cprs train critic` wrote."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from pathlib import Path

import torch

from cprs.critics.base import State
from cprs.critics.hybrid.checkpoint import Checkpoint
from cprs.critics.hybrid.graphs import Graphs
from cprs.critics.hybrid.linear import Dense
from cprs.critics.hybrid.memory import Budget
from cprs.critics.hybrid.model import HybridModel
from cprs.critics.hybrid.pipeline import Pipeline
from cprs.critics.hybrid.placement import DeviceMap, Placement, place
from cprs.critics.hybrid.precision import FP8, Fp8Linear, check_fp8
from cprs.critics.hybrid.prompt import roles_prompt
from cprs.critics.hybrid.scoring import HybridScorer
from cprs.critics.hybrid.tokens import Tokens, load_tokens
from cprs.critics.hybrid.window import content, room
from cprs.decode import PUBLISHED, Decoding
from cprs.errors import OptionError, unknown
from cprs.guidance import Guidance
from cprs.windows import Encoded, Window

PASSAGES = "passages"
DTYPES = ("auto", "float32", "bfloat16", "float16", FP8)


class HybridCritic:
    """A hybrid and its tokenizer. Windows hold three quarters of what the model reads at once, the
    prompt the rest at most, so that a text's windows are the same whatever is asked about it."""

    threshold = 0.5

    def __init__(
        self,
        model: HybridModel,
        tokens: Tokens,
        *,
        digest: str,
        decoding: Decoding | None = None,
        budget: Budget | None = None,
        graphs: Graphs | None = None,
    ) -> None:
        self.model = model
        self.decoding = decoding
        """How tags become spans where nothing else decides; None: passages by their scores."""
        self.name = f"hybrid-{digest[:8]}-{_precision(model)}-{model.device.type}"
        self.window = content(model.config.window)
        self.tokens = tokens
        if budget is None and model.device.type == "cpu":
            # Reading windows together saves a CPU nothing; alone, their scores do not depend on
            # the company even in the last bit.
            budget = Budget(1)
        self.pipeline = Pipeline(model, budget=budget, graphs=graphs)
        # Its threads know the pipeline, so that it would outlive all who use it.
        # Nobody waits for them: this may run in one of them.
        weakref.finalize(self, self.pipeline.close, wait=False)

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
        graphs: bool = False,
    ) -> HybridCritic:
        """Load a Hugging Face folder with a tag head.

        `device`, `device_map`: as `cprs.critics.hybrid.placement.place` takes them. `dtype`: one
        of `DTYPES`; "auto" is float32 on a CPU, and on a GPU bfloat16 unless the weights are
        float16; "fp8" has the layers' products in e4m3, the rest in bfloat16. `window`: tokens
        read at once, the prompt among them, if not as many as the folder says or the published
        8,192. `decode`: what decides where no budget, ratio or threshold does, the "passages"
        that score 0.5 or the tags as the "published" API decodes them. `graphs`: record steps of
        few tokens as CUDA graphs, for requests that are short.

        Raises `WeightsError` for weights that are missing, broken, of another shape, or a plain
        model's, and `OptionError` for options that do not fit them or this machine.
        """
        folder = Path(folder)
        checkpoint = Checkpoint.open(folder, window=window).critic()
        placement = place(checkpoint.config, device=device, device_map=device_map)
        if graphs and placement.kind == "cpu":
            raise OptionError("graphs=True records CUDA graphs: a CPU has none, leave it out")
        tokens = load_tokens(folder)
        model = _load(checkpoint, placement, dtype)
        recorded = Graphs(model) if graphs else None
        decoding = _decoding(decode)
        return cls(model, tokens, digest=checkpoint.digest, decoding=decoding, graphs=recorded)

    def encode(self, text: str) -> Encoded:
        """The base's tokens."""
        return self.tokens.encode(text)

    def read(self, windows: Sequence[Window]) -> list[State]:
        """Nothing: the model reads no window without its prompt."""
        return [()] * len(windows)

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> HybridScorer:
        """Prepare the prompt."""
        prompt = roles_prompt(self.tokens, guidance, room=room(self.model.config.window))
        return HybridScorer(self, prompt, guidance)


def _load(checkpoint: Checkpoint, placement: Placement, dtype: str) -> HybridModel:
    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)
    if dtype == FP8:
        for device in set(placement.layers):
            check_fp8(device)
        return HybridModel.load(checkpoint, placement, dtype=torch.bfloat16, linear=Fp8Linear)
    if dtype == "auto":
        half = "float16" if checkpoint.config.dtype == "float16" else "bfloat16"
        dtype = "float32" if placement.kind == "cpu" else half
    return HybridModel.load(checkpoint, placement, dtype=getattr(torch, dtype), linear=Dense)


def _precision(model: HybridModel) -> str:
    return FP8 if model.layers[0].qkv.fp8 else str(model.dtype).removeprefix("torch.")


def _decoding(decode: str | Decoding) -> Decoding | None:
    if isinstance(decode, Decoding):
        return decode
    if decode not in (PASSAGES, PUBLISHED):
        raise unknown("decode", decode, [PASSAGES, PUBLISHED])
    return Decoding() if decode == PUBLISHED else None
