"""DAPO's dynamic sampling: groups that are all right or all wrong teach nothing and are sampled
anew, from other prompts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from cprs.errors import OptionError
from cprs.l1.example import Example, Judged, Rollout


@dataclass(frozen=True, slots=True)
class Group:
    """The G outputs of one example, judged."""

    example: Example
    rollouts: tuple[Rollout, ...]
    judged: tuple[Judged, ...]

    def __post_init__(self) -> None:
        """Raise `OptionError` for a group of nothing."""
        if not self.rollouts or len(self.rollouts) != len(self.judged):
            raise OptionError(
                f"the group of outputs for {self.example.uid!r} has {len(self.rollouts)} outputs"
                f" and {len(self.judged)} rewards; it needs as many, and at least one"
            )

    @property
    def accuracy(self) -> float:
        """The share of right outputs."""
        return sum(one.accuracy for one in self.judged) / len(self.judged)

    @property
    def mixed(self) -> bool:
        """Whether some are right and some are not. By accuracy: a length penalty alone would make
        a group look as if it had something to teach."""
        return len({one.accuracy for one in self.judged}) > 1


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a step trains on: the `kept` groups, at most as many as asked for; all `groups`
    sampled for it; how many were dropped as all `right` or all `wrong`; in how many `rounds`."""

    kept: tuple[Group, ...]
    groups: tuple[Group, ...]
    right: int
    wrong: int
    rounds: int


def sample(
    prompts: Iterator[Example],
    roll_out: Callable[[Sequence[Example]], Sequence[Group]],
    *,
    groups: int,
    rounds: int,
    dynamic: bool = True,
) -> Sampled:
    """Sample until `groups` mixed ones are there, at most `rounds` times as many prompts.

    Each round takes as many prompts as are still missing and as many again, by the share kept so
    far, but no more than `groups`. What is short after the last is trained with: the caller sees
    it by the number kept. With `dynamic=False` one round, and all its groups are kept.
    Raises `OptionError` where the backend gives back another number of groups than asked for.
    """
    if groups < 1 or rounds < 1:
        raise OptionError(f"groups and rounds must be at least 1, got {groups} and {rounds}")
    kept: list[Group] = []
    seen: list[Group] = []
    done = 0
    while done < (rounds if dynamic else 1) and len(kept) < groups:
        share = max(len(kept), 1) / len(seen) if seen else 1.0
        wanted = min(round((groups - len(kept)) / share), groups)
        asked = list(islice(prompts, max(wanted, 1)))
        if not asked:
            break
        found = roll_out(asked)
        if len(found) != len(asked):
            raise OptionError(f"{len(asked)} prompts were sampled into {len(found)} groups")
        seen += found
        kept += [group for group in found if group.mixed or not dynamic]
        done += 1
    right = sum(not group.mixed and group.accuracy > 0 for group in seen) if dynamic else 0
    wrong = sum(not group.mixed and group.accuracy == 0 for group in seen) if dynamic else 0
    return Sampled(tuple(kept[:groups]), tuple(seen), right, wrong, done)
