"""Options of vLLM under which a hybrid's tags would be silently wrong."""

from __future__ import annotations

from typing import Any


def check_options(config: Any, *, cached: bool) -> None:
    """Raise `ValueError`, which ends vLLM before it serves, where a `VllmConfig` has any. `cached`:
    cprs itself sees to it that nothing but a frozen prompt is found in the cache."""
    if config.scheduler_config.enable_chunked_prefill:
        raise ValueError("a hybrid reads a window whole: leave out --enable-chunked-prefill")
    if config.cache_config.enable_prefix_caching and not cached:
        raise ValueError(
            "prefix caching gives a hybrid wrong tags: leave out --enable-prefix-caching"
        )
    if config.compilation_config.cudagraph_mode.name != "NONE":
        raise ValueError("CUDA graphs cannot hold a hybrid's steps: add --enforce-eager")
