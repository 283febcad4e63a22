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
from cprs.critics.vllm.prefix import may_read
from cprs.critics.vllm.served import Served
from cprs.errors import CprsError, OptionError, ServiceError

GROUP, PLUGIN = "vllm.general_plugins", "cprs"
CACHING, ROWS = "cprs_prefix_caching", "cprs_rows"
"""What the plugin is told: in the configuration, and with each request."""
STEP = 8
"""Windows that vLLM reads in one step."""


class InProcess:
    """A `vllm.LLM` with the hybrid in a folder. Takes any labels. One call at a time, which vLLM
    spreads over all it has."""

    any_label = True

    def __init__(
        self,
        folder: Path,
        served: Served,
        *,
        dtype: str = "auto",
        prefix_caching: bool = False,
        **options: Any,
    ) -> None:
        """`options` go to `vllm.LLM` (`tensor_parallel_size`, `quantization`, ...).

        Raises `OptionError` without vLLM, where it would not find the plugin, or for
        `prefix_caching` that would give wrong tags; `ServiceError` where it does not start.
        """
        check_plugin()
        if prefix_caching and served.config.prefix != "frozen":
            raise OptionError(
                f"{folder}: its prompt sees the window (prefix: {served.config.prefix}), so it"
                " cannot be held for several: leave prefix_caching out"
            )
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
        caching: dict[str, Any] = {}
        if prefix_caching:
            caching = {"enable_prefix_caching": True, "enable_chunked_prefill": False}
        self._turn = Lock()
        try:
            self._llm: Any = LLM(
                model=str(folder),
                runner="pooling",
                hf_overrides={"architectures": [ARCHITECTURE], CACHING: prefix_caching},
                skip_tokenizer_init=True,
                max_model_len=window,
                enforce_eager=True,
                dtype=self.dtype,
                **{**given, **caching, **options},
            )
        except Exception as error:  # whatever vLLM raises, of which it has logged the cause
            what = next(iter(str(error).strip().splitlines()), repr(error))
            raise ServiceError(f"vLLM does not start with {folder}: {what}") from error

        self._caches = prefix_caching
        cache = self._llm.llm_engine.vllm_config.cache_config
        self.block = int(cache.block_size) if prefix_caching else 1
        """Tokens in a block of the cache, of which a prompt must have whole ones."""
        if prefix_caching and cache.num_gpu_blocks * self.block < (STEP + 1) * window:
            self.close()
            raise OptionError(
                f"vLLM's cache holds {cache.num_gpu_blocks * self.block} tokens, fewer than"
                f" {STEP + 1} windows: give it more memory, or leave prefix_caching out"
            )

    def run(self, prompt: Ids, windows: Sequence[Ids], rows: Sequence[int]) -> list[Logits]:
        """Logits (t, 4 + R) of each window's tokens. Raises `ServiceError`."""
        try:
            with self._turn:
                if not self._caches:
                    return self._read(prompt, windows, rows, [False] * len(windows))
                steps = (windows[i : i + STEP] for i in range(0, len(windows), STEP))
                return [logits for step in steps for logits in self._behind(prompt, step, rows)]
        except CprsError:
            raise
        except Exception as error:
            raise ServiceError(f"vLLM does not answer: {error}") from error

    def _behind(self, prompt: Ids, windows: Sequence[Ids], rows: Sequence[int]) -> list[Logits]:
        """The same, with the prompt computed once."""
        # What is held of windows read before could be found again.
        if not self._llm.reset_prefix_cache():
            raise ServiceError("vLLM did not empty its cache: something else uses it")
        self._read(prompt[:0], [prompt], rows, [False])
        return self._read(prompt, windows, rows, may_read(windows, block=self.block))

    def _read(
        self, prompt: Ids, windows: Sequence[Ids], rows: Sequence[int], cached: Sequence[bool]
    ) -> list[Logits]:
        from vllm import PoolingParams

        given = [{"prompt_token_ids": np.concatenate([prompt, ids]).tolist()} for ids in windows]
        asked = [
            PoolingParams(
                task="token_classify",
                use_activation=False,
                skip_reading_prefix_cache=not read,
                extra_kwargs={ROWS: list(rows)},
            )
            for read in cached
        ]
        done = self._llm.encode(
            given, pooling_params=asked, pooling_task="token_classify", use_tqdm=False
        )
        found = [np.asarray(one.outputs.data.float().cpu().numpy(), np.float32) for one in done]
        # Of what came from the cache, nothing is said again.
        return [
            logits if read else logits[len(prompt) :]
            for logits, read in zip(found, cached, strict=True)
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
