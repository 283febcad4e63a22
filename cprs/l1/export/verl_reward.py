"""The reward verl calls, from the same rules as ours.

verl loads a file by its path; the exported `reward.py` imports this. The accuracy is handed over
apart from the score, so that groups are filtered by it and not by what length costs (`acc`).
"""

from __future__ import annotations

import json
from typing import Any

from cprs.l1.example import Example
from cprs.l1.reward.hybrid import Scorer


def score(solution: str, ground_truth: str, *, rule: str, thinking: bool) -> dict[str, Any]:
    """`score` and `acc`, 0.0 or 1.0, of a response; `ground_truth` is what `verl.row` writes."""
    about = json.loads(ground_truth)
    example = Example(about["uid"], about["question"], "", tuple(about["answers"]), about["kind"])
    (value,) = Scorer(rule=rule, thinking=thinking).score([example], [solution])
    return {"score": value, "acc": value}
