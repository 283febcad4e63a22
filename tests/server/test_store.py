from __future__ import annotations

import threading

import pytest
from cprs_server.store import Store, hash_of
from hypothesis import given, settings
from hypothesis import strategies as st


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@settings(deadline=None)
@given(st.text())
def test_what_is_kept_is_found_by_its_owner_alone(text: str) -> None:
    store = Store()
    name = store.keep_text(text, owner="ann")
    assert name == hash_of(text)
    assert len(name) == 24
    assert store.text(name, owner="ann") == text
    assert store.text(name, owner="bo") is None
    assert store.text(name, owner="") is None


def test_lone_surrogates_come_back() -> None:
    store = Store()
    name = store.keep_text("a\ud800b", owner="")
    assert name is not None
    assert store.text(name, owner="") == "a\ud800b"


@pytest.mark.parametrize(
    "name", ["", "0" * 23, "0" * 25, "G" * 24, "../etc/passwd", "0" * 24 + "\n"]
)
def test_what_is_no_hash_is_not_found(name: str) -> None:
    assert Store().text(name, owner="") is None


def test_the_same_text_of_two_owners_is_kept_for_both() -> None:
    store = Store()
    names = {store.keep_text("lunch", owner=owner) for owner in ("ann", "bo")}
    assert len(names) == 1
    assert len(store) == 2


def test_records_come_back() -> None:
    store = Store()
    assert store.keep_record("cprs-1", {"spans": [[0, 3]], "text": "é"}, owner="ann")
    assert store.record("cprs-1", owner="ann") == {"spans": [[0, 3]], "text": "é"}
    assert store.record("cprs-1", owner="bo") is None
    assert store.record("cprs-2", owner="ann") is None


def test_entries_end() -> None:
    clock = Clock()
    store = Store(ttl=10, clock=clock)
    name = store.keep_text("lunch", owner="")
    assert name is not None
    clock.now = 9.9
    assert store.text(name, owner="") == "lunch"
    store.keep_record("id", {}, owner="")
    clock.now = 10.0
    assert store.text(name, owner="") is None
    assert store.record("id", owner="") == {}
    clock.now = 30.0
    assert (len(store), store.bytes) == (0, 0)


def test_keeping_again_lives_longer() -> None:
    clock = Clock()
    store = Store(ttl=10, clock=clock)
    for clock.now in (0.0, 8.0, 16.0):
        name = store.keep_text("lunch", owner="")
    assert name is not None
    assert store.text(name, owner="") == "lunch"
    assert len(store) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3000))), st.integers(0, 6000))
def test_memory_is_bounded_and_the_oldest_leave_first(
    puts: list[tuple[int, int]], bound: int
) -> None:
    store = Store(max_bytes=bound)
    kept: list[str] = []
    for number, size in puts:
        text = str(number) * size
        name = store.keep_text(text, owner="")
        assert store.bytes <= bound
        assert (name is None) == (size + 400 > bound)
        if name is not None:
            kept = [each for each in kept if each != text] + [text]
            assert store.text(name, owner="") == text
    found = [store.text(hash_of(text), owner="") is not None for text in kept]
    assert found == sorted(found)


def test_many_threads_at_once() -> None:
    store = Store(max_bytes=5000)

    def work(seed: int) -> None:
        for number in range(200):
            text = str(seed * number % 17) * 500
            store.keep_text(text, owner="")
            assert store.text(hash_of(text), owner="") in (text, None)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < store.bytes <= 5000
    store.clear()
    assert (len(store), store.bytes) == (0, 0)
