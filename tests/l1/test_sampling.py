"""Which examples are trained on: phases, hard ones again, groups that teach."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.errors import OptionError
from cprs.l1.curriculum import check_phase, check_size, curriculum, flat
from cprs.l1.dynamic_sampling import Group, sample
from cprs.l1.example import Example, Judged, Rollout
from cprs.l1.retrospective import Tracker, difficulty, retain


def example(number: int, tokens: int = 1) -> Example:
    return Example(f"e{number}", "q", "c", ("a",), tokens=tokens)


def length(one: Example) -> int:
    return one.tokens or 0


def test_phases_by_hand() -> None:
    """Eq. (9) with L = 20, 60: 0 and 20 are in the first, 21 and 60 in the second, 61 in none."""
    examples = [example(number, tokens) for number, tokens in enumerate((0, 20, 21, 60, 61))]
    made = curriculum(examples, [20, 60], tokens=length)
    assert [[e.tokens for e in phase.examples] for phase in made.phases] == [[0, 20], [21, 60]]
    assert [e.tokens for e in made.beyond] == [61]
    assert [e.tokens for e in flat(made).phases[0].examples] == [0, 20, 21, 60]


@given(st.lists(st.integers(0, 100)), st.sets(st.integers(1, 90), min_size=1, max_size=4))
@settings(deadline=None, max_examples=50)
def test_every_example_is_in_one_phase_or_beyond(tokens: list[int], limits: set[int]) -> None:
    examples = [example(number, count) for number, count in enumerate(tokens)]
    made = curriculum(examples, sorted(limits), tokens=length)
    inside = [e.uid for phase in made.phases for e in phase.examples]
    assert sorted(inside + [e.uid for e in made.beyond]) == sorted(e.uid for e in examples)


@pytest.mark.parametrize("limits", [[], [0], [5, 5], [9, 5], [-1, 4]])
def test_limits_rise(limits: list[int]) -> None:
    with pytest.raises(OptionError, match="must rise"):
        curriculum([example(1)], limits, tokens=length)


def test_a_phase_smaller_than_a_batch_is_an_error_that_says_so() -> None:
    check_size("phase 1", 8, 8)
    with pytest.raises(OptionError, match="phase 2 has 7 examples and a batch takes 8 prompts"):
        check_size("phase 2", 7, 8)
    with pytest.raises(OptionError, match=r"phase 2 .*: lower the batch or set the phases' limits"):
        check_phase(2, 7, 8)


def test_difficulty_by_hand() -> None:
    """Eq. (10) with floor 1/8: means 0, 1/8, 1/2, 1 weigh 8, 4, 1.6, 0.89."""
    found = [difficulty(mean, floor=1 / 8) for mean in (0, 1 / 8, 1 / 2, 1)]
    assert found == pytest.approx([8, 4, 1.6, 8 / 9])
    total = sum(found)
    assert [round(weight / total, 2) for weight in found] == [0.55, 0.28, 0.11, 0.06]
    with pytest.raises(OptionError, match="above 0"):
        difficulty(0.5, floor=0)


MEANS = {"never": 0.0, "seldom": 0.125, "often": 0.5, "always": 1.0}


def test_zero_only_is_what_the_paper_keeps() -> None:
    found = retain(MEANS, count=3, seed=0, mode="zero_only")
    assert (found.uids, found.candidates, found.hopeless) == (("never",), 1, 1)
    assert retain(MEANS, count=3, seed=0, mode="zero_only", replace=True).uids == ("never",) * 3
    assert retain({"a": 1.0}, count=3, seed=0, mode="zero_only").uids == ()


def test_weighted_draws_go_by_difficulty() -> None:
    drawn = retain(MEANS, count=20_000, seed=1, replace=True).uids
    shares = {uid: count / 20_000 for uid, count in Counter(drawn).items()}
    expected = {"never": 0.553, "seldom": 0.276, "often": 0.111, "always": 0.061}
    assert shares == pytest.approx(expected, abs=0.015)
    firsts = Counter(retain(MEANS, count=2, seed=seed).uids[0] for seed in range(4000))
    assert {uid: count / 4000 for uid, count in firsts.items()} == pytest.approx(expected, abs=0.03)


def test_none_comes_twice_unless_it_may_and_order_is_no_matter() -> None:
    found = retain(MEANS, count=9, seed=3).uids
    assert sorted(found) == sorted(MEANS)
    backwards = dict(reversed(MEANS.items()))
    assert retain(backwards, count=2, seed=3).uids == retain(MEANS, count=2, seed=3).uids
    assert retain(MEANS, count=0, seed=0).uids == ()
    with pytest.raises(OptionError, match="unknown retention mode"):
        retain(MEANS, count=1, seed=0, mode="hard")
    with pytest.raises(OptionError, match="at least 0"):
        retain(MEANS, count=-1, seed=0)


def test_a_tracker_remembers_groups_and_can_be_saved() -> None:
    tracker = Tracker(latest=2)
    for group in ([1, 1], [0, 0], [1, 0]):
        tracker.record("a", group)
    tracker.record("b", [0, 0, 0])
    assert tracker.means() == {"a": 0.25, "b": 0}
    again = Tracker.of(json.loads(json.dumps(tracker.state())))
    again.record("a", [1, 1])
    assert again.means()["a"] == 0.75
    whole = Tracker(latest=0)
    whole.record("a", [1, 1])
    whole.record("a", [0, 0, 0, 0])
    assert whole.means() == {"a": pytest.approx(1 / 3)}
    with pytest.raises(OptionError, match="is empty"):
        tracker.record("a", [])


def group(one: Example, accuracies: Sequence[float]) -> Group:
    rollouts = tuple(Rollout(one.uid, (1,), (2,), (0.0,), "x", True) for _ in accuracies)
    return Group(one, rollouts, tuple(Judged(accuracy, accuracy) for accuracy in accuracies))


def roller(rights: Callable[[int], Sequence[float]]) -> Callable[..., list[Group]]:
    def roll_out(examples: Sequence[Example]) -> list[Group]:
        return [group(one, rights(int(one.uid[1:]))) for one in examples]

    return roll_out


EXAMPLES = [example(number) for number in range(100)]


def test_groups_all_right_or_all_wrong_are_sampled_anew() -> None:
    """Every third example is mixed; the others are all right or all wrong."""
    rights = [(1, 1), (0, 0), (1, 0)]
    found = sample(iter(EXAMPLES), roller(lambda n: rights[n % 3]), groups=4, rounds=10)
    assert [g.example.uid for g in found.kept] == ["e2", "e5", "e8", "e11"]
    assert (found.right, found.wrong) == (4, 4)
    assert len(found.groups) == 12
    assert found.rounds <= 4


def test_but_not_for_ever() -> None:
    """All wrong: 3 rounds of 4, nothing kept, no error."""
    found = sample(iter(EXAMPLES), roller(lambda n: (0, 0)), groups=4, rounds=3)
    assert (found.kept, found.wrong, found.right, found.rounds) == ((), 12, 0, 3)
    short = sample(iter(EXAMPLES[:2]), roller(lambda n: (0, 1)), groups=4, rounds=3)
    assert len(short.kept) == 2


def test_without_dynamic_sampling_all_are_kept() -> None:
    found = sample(cycle(EXAMPLES), roller(lambda n: (0, 0)), groups=4, rounds=3, dynamic=False)
    assert (len(found.kept), found.rounds, found.wrong) == (4, 1, 0)


def test_a_length_penalty_does_not_make_a_group_mixed() -> None:
    """Rewards 0 and -1 differ, accuracies do not."""
    rollout = Rollout("a", (1,), (2,), (0.0,), "x", True)
    wrong = Group(example(1), (rollout, rollout), (Judged(0, 0), Judged(0, -1)))
    assert not wrong.mixed


def test_empty_groups_and_other_numbers_of_them_are_errors() -> None:
    with pytest.raises(OptionError, match="'e1' has 0 outputs"):
        Group(example(1), (), ())
    with pytest.raises(OptionError, match="4 prompts were sampled into 0 groups"):
        sample(iter(EXAMPLES), lambda examples: [], groups=4, rounds=1)
    with pytest.raises(OptionError, match="at least 1"):
        sample(iter(EXAMPLES), lambda examples: [], groups=0, rounds=1)
