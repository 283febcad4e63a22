"""The `cprs` command."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

_INTERRUPTED = 130


def main() -> NoReturn:
    """The entry point of the `cprs` script."""
    try:
        # Only now, so that Ctrl-C while all this is imported ends like any other.
        from cprs.cli.app import run

        code = run()
    except KeyboardInterrupt:
        sys.stderr.write("cprs: error: interrupted; nothing was written\n")
        code = _INTERRUPTED
    if code == _INTERRUPTED:
        # Worker threads may still be inside a batch, and a plain exit would wait for them.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
