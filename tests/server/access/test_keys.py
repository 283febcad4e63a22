"""Keys are known by their hash alone, wherever a client may put them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pytest
from cprs_server.access.keys import Keys
from cprs_server.errors import ProxyError

from cprs.errors import OptionError


@dataclass(frozen=True)
class Named:
    name: str
    sha256: str


def made(name: str, text: str) -> Named:
    return Named(name, hashlib.sha256(text.encode()).hexdigest())


KEYS = Keys([made("ann", "cprs-ann-secret"), made("bob", "cprs-bob-secret")])


@pytest.mark.parametrize(
    "header",
    [
        (b"authorization", b"Bearer cprs-bob-secret"),
        (b"authorization", b"bearer  cprs-bob-secret "),
        (b"x-api-key", b"cprs-bob-secret"),
        (b"api-key", b"cprs-bob-secret"),
        (b"x-cprs-key", b"cprs-bob-secret"),
    ],
)
def test_found_wherever_it_is_shown(header: tuple[bytes, bytes]) -> None:
    found = KEYS.check([(b"host", b"h"), header])
    assert found is not None
    assert found.name == "bob"


def test_own_header_comes_first() -> None:
    shown = ((b"authorization", b"Bearer cprs-bob-secret"), (b"x-cprs-key", b"cprs-ann-secret"))
    found = KEYS.check(shown)
    assert found is not None
    assert found.name == "ann"


def test_ours_beside_one_for_the_upstream() -> None:
    shown = (
        (b"authorization", b"Bearer sk-upstream"),
        (b"x-cprs-key", b"cprs-ann-secret"),
        (b"accept", b"*/*"),
    )
    found = KEYS.check(shown)
    assert found is not None
    assert found.name == "ann"
    assert KEYS.without(shown) == (shown[0], shown[2])


def test_ours_never_goes_on() -> None:
    shown = ((b"x-api-key", b"cprs-ann-secret"), (b"authorization", b"Bearer cprs-bob-secret"))
    assert KEYS.without(shown) == ()
    assert Keys[Named]().without(((b"x-cprs-key", b"whatever"), *shown)) == shown


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"Bearer cprs-ann-secre")],
        [(b"authorization", b"Basic cprs-ann-secret")],
        [(b"authorization", b"cprs-ann-secret")],
        [(b"authorization", b"Bearer ")],
        [(b"x-api-key", b"")],
        [(b"x-api-key", b"cprs-ann-secret" + b" " * 5000)],
        [(b"cookie", b"cprs-ann-secret")],
        # The hash is in the configuration; whoever reads that must not get in by it.
        [(b"x-api-key", made("ann", "cprs-ann-secret").sha256.encode())],
    ],
)
def test_anything_else_is_refused_and_not_repeated(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(ProxyError) as raised:
        KEYS.check(headers)
    assert raised.value.status == 401
    assert "secre" not in str(raised.value)
    assert "WWW-Authenticate" in raised.value.headers


def test_open_without_keys() -> None:
    assert Keys[Named]().check([(b"authorization", b"Bearer sk-x")]) is None
    assert not Keys[Named]()
    assert KEYS


@pytest.mark.parametrize("digest", ["", "ab", "z" * 64, "a" * 63])
def test_a_broken_hash_is_named(digest: str) -> None:
    with pytest.raises(OptionError, match="'ann'"):
        Keys([Named("ann", digest)])
