"""The embedded critic's prior: words and vectors into the probability of being evidence.

A mixture that depends on the question: a linear map plus one small hidden layer over the features
of a passage, fitted to rank evidence above everything else of the same context, then calibrated
(`cprs.train.prior.__main__`). Evaluated in numpy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.critics import survey
from cprs.critics.base import TokenScores
from cprs.critics.features import NAMES, Question
from cprs.critics.pooling import States
from cprs.critics.product import product
from cprs.critics.words import Pieces
from cprs.errors import WeightsError
from cprs.windows import Window

SHIPPED = Path(__file__).parent.parent / "weights" / "prior.json"
FORMAT = 1
DECIMALS = 3
"""Log-odds are rounded to this, so that the last bits of a sum do not decide between two."""

_NUMBERS = ("slope", "offset", "threshold")
_UNTRAINED = {"cosine": 1.0, "match": 0.5, "bm25": 0.6}
_RARE = -6.0
"""Log-odds of a passage of which nothing is known."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prior:
    """f features, h hidden units.

    `centre` (d,): the mean token state of ordinary text. `mean`, `scale` (f,): standardisation.
    `linear` (f,), `hidden` (f, h), `bias` (h,), `out` (h,): the ranking score. `slope`, `offset`,
    `question` (len(QUESTION_FEATURES),): the log-odds. `threshold`: see `TokenCritic.threshold`.
    """

    centre: Floats
    mean: Floats
    scale: Floats
    linear: Floats
    hidden: Floats
    bias: Floats
    out: Floats
    slope: float
    offset: float
    question: Floats
    threshold: float
    digest: str = ""

    @classmethod
    def load(cls, path: Path = SHIPPED) -> Prior:
        """Read a fitted prior. Raises `WeightsError` where it is missing, broken or of another
        version."""
        try:
            raw = path.read_bytes()
            fields: dict[str, Any] = json.loads(raw)
            if fields.pop("format") != FORMAT or tuple(fields.pop("features")) != NAMES:
                raise WeightsError(f"{path}: of another version; fit it again or reinstall cprs")
            numbers: dict[str, Any] = {
                name: float(value) if isinstance(value, int | float) else np.array(value, float)
                for name, value in fields.items()
            }
            prior = cls(**numbers, digest=sha256(raw).hexdigest()[:8])
            for name, value in numbers.items():
                if isinstance(value, float) != (name in _NUMBERS):
                    raise ValueError(f"{name} must be {'a' if name in _NUMBERS else 'no'} number")
            prior.probability(np.zeros((1, len(NAMES)), np.float32))
        except OSError as error:
            raise WeightsError(f"{path}: cannot be read: {error}; reinstall cprs") from error
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, WeightsError):
                raise
            raise WeightsError(f"{path}: not a fitted prior ({error}); reinstall cprs") from error
        return prior

    def untrained(self) -> Prior:
        """What needs no training beside it: standardised cosine of the passage, best matches of the
        question's tokens and BM25, in a fixed mixture. A baseline."""
        linear = np.array([_UNTRAINED.get(name, 0.0) for name in NAMES])
        nothing = {name: np.zeros_like(getattr(self, name)) for name in ("hidden", "out")}
        question = np.zeros_like(self.question)
        return replace(
            self,
            **nothing,
            linear=linear,
            question=question,
            slope=1.0,
            offset=_RARE,
            digest="untrained",
        )

    def save(self, path: Path) -> None:
        """Write it as JSON, six digits a number."""
        fields: dict[str, Any] = {"format": FORMAT, "features": NAMES}
        for name in self.__slots__:
            value = getattr(self, name)
            if name != "digest":
                fields[name] = _digits(value)
        path.write_text(json.dumps(fields, separators=(",", ":")) + "\n", encoding="utf-8")

    def rank(self, features: NDArray[np.float32]) -> Floats:
        """Ranking scores (u,) of features (u, f): they order the passages of one context."""
        x = np.clip((features - self.mean) / self.scale, -5, 5)
        inner = product(x, np.concatenate([self.linear[:, None], self.hidden], axis=1))
        score: Floats = (
            inner[:, 0] + product(_gelu(inner[:, 1:] + self.bias), self.out[:, None])[:, 0]
        )
        return score

    def odds(self, features: NDArray[np.float32]) -> Floats:
        """Log-odds (u,) of being evidence, rounded to `DECIMALS`."""
        about = features[:, -len(survey.QUESTION_FEATURES) :]
        odds = self.slope * self.rank(features) + (about * self.question).sum(axis=1) + self.offset
        return rounded(odds)

    def probability(self, features: NDArray[np.float32]) -> Floats:
        """The share (u,) of passages with such features that are evidence."""
        return share(self.odds(features))

    def ask(
        self,
        pieces: Pieces,
        ids: NDArray[np.int32],
        states: States,
        windows: Sequence[Window],
    ) -> PriorScorer:
        """Prepare a question of tokens `ids` (q,) and `states` (q, d) about `windows`."""
        centre = self.centre.astype(np.float32)
        return PriorScorer(self, Question(pieces, ids, states, windows, centre=centre))


class PriorScorer:
    """Scores windows of the request it was prepared for, one at a time, from their states."""

    def __init__(self, prior: Prior, question: Question) -> None:
        self._prior = prior
        self._question = question

    def __call__(self, window: Window, states: States) -> TokenScores:
        """Each token carries its passage's probability."""
        features = self._question.features(window, states)
        keep = self._prior.probability(features).astype(np.float32)
        return TokenScores(keep=np.repeat(keep, window.units[:, 1] - window.units[:, 0]))


def rounded(odds: Floats) -> Floats:
    """Log-odds to `DECIMALS` and within ±30."""
    limited: Floats = np.clip(np.round(odds, DECIMALS), -30, 30)
    return limited


def share(odds: Floats) -> Floats:
    """1 / (1 + e^-odds)."""
    found: Floats = 1 / (1 + np.exp(-odds))
    return found


def _gelu(x: Floats) -> Floats:
    """The tanh form of x Φ(x)."""
    smooth: Floats = 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))
    return smooth


def _digits(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_digits(item) for item in value.tolist()]
    if isinstance(value, list):
        return [_digits(item) for item in value]
    return float(f"{value:.6g}")
