"""The shipped critic, end to end."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cprs import Compressor, StateCache, Window
from cprs.critics.base import State
from cprs.critics.embedded import EmbeddedCritic

FILLER = [f"Shipment {i} left the {place} warehouse in good order and nobody complained."
          for i, place in enumerate(["north", "south", "old", "new", "third"] * 60)]  # fmt: skip
FACT = "The committee was chaired by Dr. Ann Lee, who had joined in spring."
TEXT = " ".join([*FILLER[:211], FACT, *FILLER[211:]])


class Counting(EmbeddedCritic):
    """Counts the windows it is asked to read."""

    windows_read = 0

    def read(self, windows: Sequence[Window]) -> list[State]:
        self.windows_read += len(windows)
        return super().read(windows)


@pytest.fixture(scope="module")
def critic() -> Counting:
    return Counting.load()  # type: ignore[return-value]  # it names its base class


@pytest.mark.parametrize(
    "query", ["Who chaired the committee?", "Who was head of the panel?", "Ann Lee"]
)
def test_finds_the_fact(critic: Counting, query: str) -> None:
    result = Compressor(critic).compress(TEXT, query=query, ratio=100)
    assert FACT in result.text
    assert result.ratio >= 100


def test_same_bytes_whatever_the_workers_and_the_cache(critic: Counting) -> None:
    compressors = [Compressor(critic, workers=n, cache=StateCache(limit))
                   for n, limit in [(1, 0), (2, 0), (4, 1 << 30)]]  # fmt: skip
    compressors.append(compressors[-1])  # and once more, from the cache
    results = [c.compress(TEXT, query="Who chaired the committee?", ratio=9) for c in compressors]
    assert len({result.text for result in results}) == 1
    assert len({result.spans for result in results}) == 1


def test_a_second_question_reads_only_itself(critic: Counting) -> None:
    compressor = Compressor(critic)
    first = critic.windows_read
    compressor.compress(TEXT, query="Who chaired the committee?", ratio=50)
    second = critic.windows_read
    compressor.compress(TEXT, query="Which warehouse was third?", ratio=50, hops=2)
    assert second > first + 10
    assert critic.windows_read == second


def test_a_disk_cache_serves_the_next_process(critic: Counting, tmp_path: object) -> None:
    for expected in (True, False):
        before = critic.windows_read
        cache = StateCache(directory=str(tmp_path))
        Compressor(critic, cache=cache).compress(TEXT, query="Who chaired?", ratio=50)
        assert (critic.windows_read > before) == expected


def test_a_query_longer_than_the_prompt_is_said_to_be_shortened(critic: Counting) -> None:
    query = "Who chaired the committee? " + "Please be precise and brief. " * 100
    result = Compressor(critic).compress(TEXT, query=query, ratio=20)
    assert any("too long" in warning for warning in result.warnings)
    assert FACT in result.text


def test_a_text_without_an_answer_keeps_almost_nothing(critic: Counting) -> None:
    result = Compressor(critic).compress(" ".join(FILLER), query="What is a monad?", threshold=0.5)
    assert result.tokens_out < 0.01 * result.tokens_in


def test_critics_above_one_base_share_what_it_has_read(critic: Counting) -> None:
    cache = StateCache()
    first = Compressor(critic, cache=cache).compress(TEXT, query="Who was head?", ratio=50)
    other = Counting(critic._base, critic._prior.untrained())
    assert other.name != critic.name
    second = Compressor(other, cache=cache).compress(TEXT, query="Who was head?", ratio=50)
    assert first.critic != second.critic
    assert other.windows_read == 0
