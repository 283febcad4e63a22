from __future__ import annotations

import os
import sys
from pathlib import Path

# Tests share `tests/support.py` by its plain name.
sys.path.insert(0, str(Path(__file__).parent))

# Read once, when a kernel's module is first imported; TRITON_INTERPRET=0 tests them on a GPU.
os.environ.setdefault("TRITON_INTERPRET", "1")
