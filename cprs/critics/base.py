"""The contract every critic keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cprs.guidance import Guidance
from cprs.windows import Encoded, Window

if TYPE_CHECKING:
    from cprs.decode import Decoding

State = tuple[NDArray[Any], ...]
"""What a critic has read of one window, free of any question; () where there is nothing to keep."""


@dataclass(frozen=True, slots=True)
class TokenScores:
    """Scores of one window's t tokens, in [0, 1] and calibrated: of tokens scored p, a share p
    is evidence.

    `keep` (t,) float32. `tags` (t, 4) float32 over B I O E and `labels` (t, L) float32 over the
    guidance's labels, or None where a critic has no such head.
    """

    keep: NDArray[np.float32]
    tags: NDArray[np.float32] | None = None
    labels: NDArray[np.float32] | None = None


class Scorer(Protocol):
    """Scores windows under one guidance. Stateless, safe to call from several threads."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a caller should know, such as a query that had to be shortened."""
        ...

    def __call__(self, windows: Sequence[Window], states: Sequence[State]) -> list[TokenScores]:
        """Score each window given what `TokenCritic.read` returned for it.

        A window's scores depend on that window, the guidance and the surveyed windows alone,
        never on which others are in the same call.
        """
        ...


class TokenCritic(Protocol):
    """Reads windows and says which tokens the guidance asks for."""

    @property
    def name(self) -> str:
        """Identifies weights and version."""
        ...

    @property
    def window(self) -> int:
        """Content tokens per window at most."""
        ...

    @property
    def threshold(self) -> float:
        """The score above which a unit is kept when no budget, ratio or threshold is given."""
        ...

    def encode(self, text: str) -> Encoded:
        """Tokens of a text with their offsets, in linear time."""
        ...

    def read(self, windows: Sequence[Window]) -> list[State]:
        """What does not depend on the guidance, a state per window. Cacheable, thread-safe.

        A window's state depends on its `token_ids` alone, not on its neighbours in the call.
        """
        ...

    def ask(self, guidance: Guidance, windows: Sequence[Window]) -> Scorer:
        """Prepare a question about `windows`: all windows of all documents of a request.

        Sees token ids only (how rare a term is here), so it runs before anything is read.
        """
        ...


@runtime_checkable
class Reads(Protocol):
    """What a critic may offer besides: a name for what it reads, where others read the same."""

    @property
    def reads(self) -> str:
        """Identifies what `read` returns: critics of one such name share what was cached."""
        ...


def reads_as(critic: TokenCritic) -> str:
    """What identifies a critic's states: part of every cache key."""
    return critic.reads if isinstance(critic, Reads) else critic.name


@runtime_checkable
class Decides(Protocol):
    """What a critic may offer besides: a threshold that follows from what is asked."""

    def threshold_for(self, guidance: Guidance) -> float:
        """The score above which a unit is kept under `guidance` when nothing else decides."""
        ...


@runtime_checkable
class Decodes(Protocol):
    """What a critic may offer besides: tags that say what to keep when nothing else decides."""

    @property
    def decoding(self) -> Decoding | None:
        """How they become spans; None to have units kept by their scores."""
        ...


def decoding_of(critic: TokenCritic) -> Decoding | None:
    """How `critic` would have its tags decoded when nothing else decides."""
    return critic.decoding if isinstance(critic, Decodes) else None


def threshold_of(critic: TokenCritic, guidance: Guidance) -> float:
    """The score above which `critic` keeps a unit under `guidance` when nothing else decides."""
    return critic.threshold_for(guidance) if isinstance(critic, Decides) else critic.threshold


@runtime_checkable
class Skims(Protocol):
    """What a critic may offer besides: a first look at windows nobody has read."""

    def skim(self, guidance: Guidance, windows: Sequence[Window]) -> NDArray[np.float32] | None:
        """How probable each of `windows` (w,), all windows of a request, is to matter, from token
        ids alone; None to have all of them read.

        Only the order counts. It must not depend on what has been read before, and it should cost
        a small part of reading.
        """
        ...


@runtime_checkable
class Sifts(Scorer, Protocol):
    """What a scorer may offer besides: a first look that begins to read, and from which it reads
    on."""

    def sift(self, windows: Sequence[Window], *, room: int) -> NDArray[np.float32] | None:
        """As `Skims.skim`. Of `windows` those will be scored next that come first by it and have
        `room` tokens together: of no others need be kept what was made of them."""
        ...
