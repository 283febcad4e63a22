"""Compares vLLM in this process with torch, folder by folder: a script, since vLLM in a process
wants it for itself."""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import Any

from cprs.critics.vllm.opening import in_process
from with_vllm.compared import compare


def main() -> None:
    """Write what is found as JSON into the file that is named first."""
    from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

    out, *folders = map(Path, sys.argv[1:])
    found = {}
    # Of a frozen prompt, blocks can be held; small ones, since the window is small.
    held: dict[str, Any] = {"prefix_caching": True, "block_size": 32}
    for folder in folders:
        for options in ({}, held) if folder.name == "frozen" else ({},):
            # All in one process, which starts sooner; servers have processes of their own.
            critic = in_process(folder, distributed_executor_backend="uni", **options)
            name = f"{folder.name} held" if options else folder.name
            found[name] = {"name": critic.name, "compared": compare(critic, folder)}
            critic.close()
            del critic
            gc.collect()
            cleanup_dist_env_and_memory()
    out.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
