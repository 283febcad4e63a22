"""Compares vLLM in this process with torch, folder by folder: a script, since vLLM starts processes
that import what started them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from compared import compare

from cprs.critics.vllm.opening import in_process

if __name__ == "__main__":
    out, *folders = map(Path, sys.argv[1:])
    found = {}
    for folder in folders:
        # Of a frozen prompt, blocks can be held; small ones, since its window is small.
        held: dict[str, Any] = {"prefix_caching": True, "block_size": 32}
        for options in ({}, held) if folder.name == "frozen" else ({},):
            critic = in_process(folder, **options)
            name = f"{folder.name} held" if options else folder.name
            found[name] = {"name": critic.name, "compared": compare(critic, folder)}
            critic.close()
    out.write_text(json.dumps(found))
