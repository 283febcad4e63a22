from __future__ import annotations

from cprs_server.planning.base import Options, Target
from cprs_server.planning.budget import budget, room
from hypothesis import given, settings
from hypothesis import strategies as st

OPTIONS = st.builds(
    Options,
    mode=st.sampled_from(("auto", "always")),
    budget=st.none() | st.integers(1, 10**6),
    ratio=st.none() | st.floats(1, 1_000),
    threshold=st.none() | st.floats(0, 1),
    trigger=st.integers(0, 10**6),
    least=st.integers(0, 10**4),
)
TOKENS = st.integers(0, 3 * 10**6)


@settings(deadline=None, max_examples=300)
@given(OPTIONS, TOKENS, TOKENS, st.none() | TOKENS)
def test_a_budget_is_the_least_of_all_limits(
    options: Options, pieces: int, fixed: int, space: int | None
) -> None:
    limit = budget(options, pieces=pieces, fixed=fixed, room=space)
    if limit.tokens is None:
        assert options.ratio is not None or options.threshold is not None
        if options.ratio is None:
            assert min(limit.limits.values(), default=pieces) >= pieces
        return
    assert limit.tokens == min(limit.limits.values())
    if space is not None:
        assert limit.tokens <= max(0, space - fixed)
    if options.budget is not None:
        assert limit.tokens <= options.budget
    if options.ratio is not None:
        assert limit.tokens <= max(1, pieces / options.ratio)


@settings(deadline=None, max_examples=300)
@given(OPTIONS, TOKENS, TOKENS, TOKENS, TOKENS)
def test_more_room_never_gives_less(
    options: Options, pieces: int, fixed: int, space: int, more: int
) -> None:
    small = budget(options, pieces=pieces, fixed=fixed, room=space).tokens
    large = budget(options, pieces=pieces, fixed=fixed, room=space + more).tokens
    if large is not None:
        assert small is not None
        assert small <= large


def test_the_room_leaves_an_answer() -> None:
    target = Target("m", 100_000, "m")
    assert room(target, 20_000) == 79_952
    assert room(target, None) == 100_000 - 4_096 - 48
    assert room(Target("m", 8_000, "m"), None) == 6_000 - 48
    assert room(Target("m", 960, "m"), 60) == 900 - 30
    assert room(target, 200_000) == 0
    assert room(target, 20_000, slack=1.25) == 63_961
    assert room(Target("m", None, "m"), 10) is None
