"""Whether fp8 says what bf16 says, and ours what the published loop says: on random weights, which
decide by less than trained ones do."""

from __future__ import annotations

import numpy as np
import torch

from cprs.critics.hybrid.asked import Prompt
from cprs.critics.hybrid.model import HybridModel
from cprs.critics.hybrid.packing import Ids
from cprs.critics.hybrid.pipeline import Pipeline
from cprs.critics.hybrid.precision import Fp8Linear, agreement, check_fp8
from cprs.critics.hybrid.window import content
from cprs.errors import OptionError
from cprs_bench.gpu.measure import device_of
from cprs_bench.gpu.published import PublishedLoop
from cprs_bench.gpu.record import Size, Tell
from cprs_bench.gpu.shapes import SHAPES, random_model


def agreements(tell: Tell, size: Size, *, shape: str) -> None:
    """Tags of some windows: ours in half precision beside the published loop's, and fp8 beside
    ours."""
    config, device = SHAPES[size.shape(shape)], device_of()
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    rng = np.random.default_rng(1)
    prompt = rng.integers(0, config.vocabulary, 20).astype(np.int32)
    length = content(config.window)
    windows = list(rng.integers(0, config.vocabulary, (4, length)).astype(np.int32))
    model = random_model(config, device=device, dtype=dtype)
    ours = _tags(model, prompt, windows)
    loop = PublishedLoop(model)
    theirs = []
    with torch.inference_mode():
        for window in windows:
            ids = torch.from_numpy(np.concatenate([prompt, window]).astype(np.int64))
            said = loop.forward(ids[None].to(device))[0, len(prompt) :]
            theirs.append(said.float().softmax(-1))
    found = agreement(ours, theirs)
    tell(what="ours beside the published loop", tags=found.tags, largest=found.largest)
    try:
        check_fp8(device)
    except OptionError as error:
        tell(what="fp8 beside bf16", problem=str(error))
        return
    del model, loop
    fp8 = random_model(config, device=device, dtype=dtype, linear=Fp8Linear)
    found = agreement(ours, _tags(fp8, prompt, windows))
    tell(
        what="fp8 beside bf16",
        tokens=found.tokens,
        tags=found.tags,
        sides=found.sides,
        largest=found.largest,
    )


def _tags(model: HybridModel, prompt: Ids, windows: list[Ids]) -> list[torch.Tensor]:
    pipeline = Pipeline(model)
    try:
        return [torch.from_numpy(tags) for tags, _ in pipeline.read(Prompt(prompt), windows)]
    finally:
        pipeline.close()
