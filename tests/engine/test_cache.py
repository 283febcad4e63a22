from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.critics.base import State
from cprs.engine.cache import StateCache, key_of, size_of
from cprs.errors import OptionError
from cprs.windows import Window


def state(number: int, size: int = 100) -> State:
    return np.full(size, number % 256, np.uint8), np.array([number], np.int64)


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def same(one: State | None, other: State) -> bool:
    return one is not None and all(
        a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(one, other, strict=True)
    )


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 300))), st.integers(0, 1500))
def test_memory_is_bounded_and_what_is_found_is_right(
    puts: list[tuple[int, int]], bound: int
) -> None:
    cache = StateCache(bound)
    last: dict[int, State] = {}
    for number, size in puts:
        last[number] = state(number, size)
        cache.put(key(number), last[number])
        assert cache.bytes <= bound
    held = {number: cache.get(key(number)) for number in last}
    assert all(found is None or same(found, last[number]) for number, found in held.items())
    assert cache.bytes == sum(size_of(found) for found in held.values() if found is not None)


def test_the_least_recently_used_leaves_first() -> None:
    cache = StateCache(3 * size_of(state(0)))
    for number in range(3):
        cache.put(key(number), state(number))
    cache.begin()
    cache.get(key(0))
    cache.put(key(3), state(3))
    assert [cache.get(key(n)) is not None for n in range(4)] == [True, False, True, True]


def test_one_run_does_not_push_itself_out() -> None:
    """A text larger than the cache: the next question still finds its beginning."""
    cache = StateCache(3 * size_of(state(0)))
    for _ in range(2):
        cache.begin()
        for number in range(10):
            if cache.get(key(number)) is None:
                cache.put(key(number), state(number))
    assert [n for n in range(10) if cache.get(key(n)) is not None] == [0, 1, 2]


def test_an_empty_state_is_not_kept() -> None:
    cache = StateCache()
    cache.put(key(1), ())
    assert len(cache) == 0


def test_clear_forgets_memory_but_not_files(tmp_path: Path) -> None:
    cache = StateCache(directory=tmp_path)
    cache.put(key(1), state(1))
    cache.clear()
    assert (len(cache), cache.bytes) == (0, 0)
    assert same(cache.get(key(1)), state(1))


def test_files_serve_another_process(tmp_path: Path) -> None:
    StateCache(directory=tmp_path / "new" / "folder").put(key(7), state(7))
    assert same(StateCache(directory=tmp_path / "new" / "folder").get(key(7)), state(7))
    assert StateCache(directory=tmp_path / "new" / "folder").get(key(8)) is None


@pytest.mark.parametrize(
    "damage", ["truncated", "flipped", "empty", "text", "foreign", "another's"]
)
def test_a_corrupt_file_counts_as_absent_and_goes(tmp_path: Path, damage: str) -> None:
    StateCache(directory=tmp_path).put(key(1), state(1))
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    if damage == "flipped":
        middle = content.index(state(1)[0].tobytes()) + 50
        content = content[:middle] + b"\xff" + content[middle + 1 :]
    elif damage == "foreign":
        with path.open("wb") as file:
            np.savez(file, other=np.zeros(3))
        content = path.read_bytes()
    elif damage == "another's":
        path.unlink()
        StateCache(directory=tmp_path).put(key(2), state(2))
        (other,) = tmp_path.iterdir()
        content = other.rename(path).read_bytes()
    path.write_bytes(
        {"truncated": content[: len(content) // 2], "empty": b"", "text": b"hello"}.get(
            damage, content
        )
    )
    cache = StateCache(directory=tmp_path)
    assert cache.get(key(1)) is None
    assert not path.exists()
    cache.put(key(1), state(1))
    assert same(StateCache(directory=tmp_path).get(key(1)), state(1))


def test_the_disk_is_bounded_and_keeps_the_latest_used(tmp_path: Path) -> None:
    cache = StateCache(0, directory=tmp_path, max_disk_bytes=20_000)
    for number in range(30):
        cache.put(key(number), state(number, 1000))
        path = next(p for p in tmp_path.iterdir() if p.stem == key(number).hex())
        os.utime(path, ns=(number, number))
        cache.get(key(0))
    files = list(tmp_path.iterdir())
    assert len(files) > 5
    assert sum(file.stat().st_size for file in files) <= 20_000
    assert same(cache.get(key(0)), state(0, 1000))
    assert same(cache.get(key(29)), state(29, 1000))
    assert cache.get(key(5)) is None


def test_nothing_half_written_is_left_when_the_disk_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = StateCache(0, directory=tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    cache.put(key(1), state(1))
    assert list(tmp_path.iterdir()) == []
    assert cache.get(key(1)) is None


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OptionError, match=r"cache directory .*file.* cannot be used"):
        StateCache(directory=tmp_path / "file" / "cache")


def test_many_threads_at_once(tmp_path: Path) -> None:
    cache = StateCache(2000, directory=tmp_path, max_disk_bytes=15_000)
    wrong: list[int] = []

    def work(seed: int) -> None:
        for number in np.random.default_rng(seed).integers(0, 40, 60).tolist():
            found = cache.get(key(number))
            if found is None:
                cache.put(key(number), state(number))
            elif not same(found, state(number)):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert cache.bytes <= 2000


def window(ids: list[int]) -> Window:
    tokens = np.array(ids, np.int32)
    return Window(0, 1, tokens, np.zeros((len(ids), 2), np.int64), np.array([[0, len(ids)]]))


def test_keys_tell_critics_and_tokens_apart() -> None:
    long = "critic" * 40
    keys = {
        key_of(name, window(ids))
        for name in ("a", "b", long, long + "x")
        for ids in ([], [0], [1], [0, 1], [256])
    }
    assert len(keys) == 20
    assert key_of("a", window([1, 2])) == key_of("a", window([1, 2]))
