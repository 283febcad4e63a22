"""vLLM in this process."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from cprs.critics.hybrid.kind import ARCHITECTURE
from cprs.critics.vllm.base import Ids, Logits
from cprs.critics.vllm.served import Served
from cprs.errors import OptionError, ServiceError

GROUP, PLUGIN = "vllm.general_plugins", "cprs"
STEP = 8
"""Windows that vLLM reads in one step."""


class InProcess:
    """A `vllm.LLM` with the hybrid in a folder. Takes any labels. One call at a time, which vLLM
    spreads over all it has."""

    any_label = True

    def __init__(self, folder: Path, served: Served, *, dtype: str, **options: Any) -> None:
        """`options` go to `vllm.LLM` (`tensor_parallel_size`, `quantization`, ...).

        Raises `OptionError` without vLLM or where it would not find the plugin, `ServiceError`
        where it does not start.
        """
        check_plugin()
        from vllm import LLM
        from vllm.platforms import current_platform

        self.dtype = dtype
        if dtype == "auto":
            self.dtype = "float32" if current_platform.is_cpu() else "bfloat16"
        window = served.config.window
        given: dict[str, Any] = {
            "max_num_batched_tokens": STEP * window,
            "max_num_seqs": 4 * STEP,
            "disable_log_stats": True,
        }
        self._turn = Lock()
        try:
            self._llm: Any = LLM(
                model=str(folder),
                runner="pooling",
                hf_overrides={"architectures": [ARCHITECTURE]},
                skip_tokenizer_init=True,
                max_model_len=window,
                enforce_eager=True,
                dtype=self.dtype,
                **{**given, **options},
            )
        except Exception as error:  # whatever vLLM raises, of which it has logged the cause
            what = next(iter(str(error).strip().splitlines()), repr(error))
            raise ServiceError(f"vLLM does not start with {folder}: {what}") from error

    def run(self, prompt: Ids, windows: Sequence[Ids], rows: Sequence[int]) -> list[Logits]:
        """Logits (t, 4 + R) of each window's tokens."""
        from vllm import PoolingParams

        from cprs.vllm_plugin.head import ROWS

        asked = PoolingParams(
            task="token_classify", use_activation=False, extra_kwargs={ROWS: list(rows)}
        )
        given = [{"prompt_token_ids": np.concatenate([prompt, ids]).tolist()} for ids in windows]
        try:
            with self._turn:
                done = self._llm.encode(
                    given, pooling_params=asked, pooling_task="token_classify", use_tqdm=False
                )
        except Exception as error:
            raise ServiceError(f"vLLM does not answer: {error}") from error
        return [
            np.asarray(one.outputs.data.float().cpu().numpy(), np.float32)[len(prompt) :]
            for one in done
        ]

    def close(self) -> None:
        """End vLLM's processes."""
        self._llm.llm_engine.engine_core.shutdown()


def check_plugin() -> None:
    """Raise `OptionError` unless vLLM is here and its processes will find cprs's plugin."""
    found = importlib.util.find_spec("vllm")
    if found is None or found.origin is None:  # a folder of that name is not the library
        raise OptionError(
            "a critic on vLLM in this process needs vllm; run: pip install 'cprs[vllm]'"
        )
    if not any(entry.name == PLUGIN for entry in entry_points(group=GROUP)):
        raise OptionError(
            "vLLM does not find cprs's plugin: install cprs itself (pip install cprs), a folder on"
            " the path is not enough"
        )
    allowed = os.environ.get("VLLM_PLUGINS")
    if allowed is not None and PLUGIN not in allowed.split(","):
        raise OptionError(f"VLLM_PLUGINS={allowed} leaves cprs's plugin out: add {PLUGIN} to it")
