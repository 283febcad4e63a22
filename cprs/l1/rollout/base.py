"""What a rollout backend does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from cprs.l1.example import Rollout

if TYPE_CHECKING:
    from cprs.l1.policy import Policy


@dataclass(frozen=True, slots=True)
class Ask:
    """A prompt to sample for: the example's `uid` and the prompt's token `ids`."""

    uid: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How outputs are drawn: `temperature`, `top_p`, `top_k` (0 for none), at most `longest`
    tokens."""

    temperature: float = 0.7
    top_p: float = 0.95
    top_k: int = 0
    longest: int = 10_000


class Backend(Protocol):
    """Samples outputs of the policy it was last told of. `remote`: in another program, which the
    weights have to be handed to."""

    remote: bool

    def refresh(
        self, policy: Policy, weights: dict[str, Any] | None = None, *, write: bool = True
    ) -> None:
        """Sample from this policy from now on. Called before every sampling that follows a
        change. `weights` take the place of the policy's own where those are spread over processes;
        all of these call this, and the one with `write` hands them over."""
        ...

    def generate(
        self, asks: Sequence[Ask], sampling: Sampling, *, n: int, seed: int
    ) -> list[list[Rollout]]:
        """`n` outputs to each prompt, in order. The same seed gives the same on one machine."""
        ...
