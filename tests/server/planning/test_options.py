from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pytest
from cprs_server.errors import ProxyError
from cprs_server.planning.base import Mode, Options
from cprs_server.planning.options import merge
from hypothesis import given, settings
from hypothesis import strategies as st


@dataclass(frozen=True)
class Most:
    modes: tuple[Mode, ...] = ()
    budget: int | None = None
    ratio: float | None = None
    hops: int | None = None
    effort: str | None = None


def test_later_wins_and_of_budgets_the_least() -> None:
    route = {"mode": "always", "budget": 4_000, "trigger": 9}
    key = {"budget": 8_000, "hops": 2}
    assert merge() == Options()
    merged = merge(route, key, body={"budget": 6_000, "query": " who? ", "hops": 3})
    assert merged == Options(mode="always", budget=4_000, trigger=9, hops=3, query="who?")
    assert merge(route, body={"budget": 100}).budget == 100
    assert merge(route, body="off", header="audit").mode == "audit"
    assert merge(route, body=False).mode == "off"
    assert merge(body=True).mode == "always"
    assert merge(body={"mode": False, "usage": True, "ratio": None}).mode == "off"


def test_caps_lower_numbers_and_refuse_modes() -> None:
    asked = {"budget": 9_000, "ratio": 40, "hops": 4, "effort": "thorough"}
    caps = Most(modes=("off", "auto"), budget=5_000, ratio=10.0, hops=2, effort="fast")
    merged = merge(body=asked, caps=caps)
    assert (merged.budget, merged.ratio, merged.hops, merged.effort) == (5_000, 10, 2, "fast")
    with pytest.raises(ProxyError, match="may not use the mode 'always'") as error:
        merge(header="always", caps=caps)
    assert error.value.status == 403
    # What the operator set for a route is not the client's asking.
    assert merge({"mode": "always"}, caps=caps).mode == "always"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"budgett": 5}, "cprs.budgett is not known; known: mode, instruction"),
        ({"budget": 0}, "cprs.budget must be a whole number, at least 1, got 0"),
        ({"budget": 1.5}, "cprs.budget must be a whole number"),
        ({"budget": True}, "cprs.budget must be a number, got True"),
        ({"budget": "many"}, "cprs.budget must be a number, got 'many'"),
        ({"hops": 99}, r"at least 1 and at most \d, got 99"),
        ({"ratio": 0.5}, "cprs.ratio must be at least 1"),
        ({"ratio": float("nan")}, "cprs.ratio must be a number"),
        ({"threshold": 2}, "cprs.threshold must be between 0 and 1, got 2"),
        ({"mode": "on"}, "cprs.mode must be off, auto, always or audit, got 'on'"),
        ({"effort": 3}, "cprs.effort must be fast or auto or thorough, got 3"),
        ({"sticky": "yes"}, "cprs.sticky must be true or false"),
        ({"query": ["a"]}, "cprs.query must be text"),
        ({"query": "x" * 30_000}, "cprs.query must be text of at most 20000 characters, got 'xxx"),
        ([1], r"cprs must be an object, a mode, true or false, got \[1\]"),
        ("on", "cprs must be off, auto"),
    ],
)
def test_what_makes_no_sense_is_named(body: Any, message: str) -> None:
    with pytest.raises(ProxyError, match=message) as error:
        merge(body=body)
    assert (error.value.status, error.value.code) == (400, "invalid_cprs")
    assert len(error.value.message) < 300


def test_a_wrong_header_is_named() -> None:
    with pytest.raises(ProxyError, match="x-cprs must be off, auto, always or audit, got 'yes'"):
        merge(header="Yes")
    assert merge(header=" ALWAYS ").mode == "always"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(JSON | st.dictionaries(st.sampled_from(sorted(asdict(Options()))), JSON, max_size=4))
def test_any_body_is_options_or_one_clear_error(body: Any) -> None:
    failed = None
    try:
        assert isinstance(merge(body=body), Options)
    except ProxyError as error:
        failed = error
    if failed is not None:
        assert (failed.status, failed.code) == (400, "invalid_cprs")
        assert "\n" not in failed.message
