from __future__ import annotations

import sys
from pathlib import Path

# Tests share `tests/support.py` by its plain name.
sys.path.insert(0, str(Path(__file__).parent))
