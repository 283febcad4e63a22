"""What of vLLM's plugin needs no vLLM: prompts found among packed tokens, and what they see."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.vllm_plugin.options import check_options
from cprs.vllm_plugin.prompts import PromptFinder

FINDER = PromptFinder(begin=1, head=2)
SEQUENCE = st.tuples(st.lists(st.integers(0, 5), max_size=12), st.booleans(), st.integers(0, 9))


@settings(deadline=None)
@given(st.lists(SEQUENCE, max_size=6))
def test_prompts_are_found_where_they_lie(sequences: list[tuple[list[int], bool, int]]) -> None:
    """Sequences with and without a prompt, begun and continued."""
    ids: list[int] = []
    positions: list[int] = []
    expected = []
    for number, (filler, prompted, window) in enumerate(sequences):
        words = [i + 10 for i in filler]
        own = [1, *words, 1, 1, 8, 9] if prompted else [1, *words, 1]
        body = [*own, *range(20, 20 + window)]
        begins = number % 3 != 2
        if prompted and begins:
            expected.append((len(ids), len(ids) + len(own)))
        ids += body
        first = 0 if begins else 1000 * number
        positions += range(first, first + len(body))
    assert FINDER.find(np.array(ids, np.int64), np.array(positions, np.int64)) == expected


def test_a_prompt_alone_ends_with_its_sequence() -> None:
    ids = np.array([1, 1, 1, 8])
    assert FINDER.find(ids, np.arange(4)) == [(0, 4)]


def test_a_prompts_rows_see_the_prompt_alone_and_a_windows_see_both() -> None:
    torch = pytest.importorskip("torch", reason="needs cprs[train]")
    from cprs.vllm_plugin.attention import FrozenAttention, Prompts

    class Whole(torch.nn.Module):  # type: ignore[misc,name-defined]
        """Stands where vLLM's attention does: sequences of 7 and 5 tokens, each seeing itself."""

        num_heads, num_kv_heads, head_size = 4, 2, 8
        impl = type("Impl", (), {"scale": 0.3})

        def forward(self, q: Any, k: Any, v: Any) -> Any:
            parts = [attend(q[a:b], k[a:b], v[a:b]) for a, b in ((0, 7), (7, 12))]
            return torch.cat(parts).to(q.dtype)

    def attend(q: Any, k: Any, v: Any) -> Any:
        q, k, v = (x.double().view(len(x), -1, 8).transpose(0, 1) for x in (q, k, v))
        k, v = k.repeat_interleave(2, 0), v.repeat_interleave(2, 0)
        seen = (q @ k.transpose(1, 2) * 0.3).softmax(-1) @ v
        return seen.transpose(0, 1).reshape(seen.shape[1], -1)

    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(12, width, generator=generator) for width in (32, 16, 16))
    prompts = Prompts([(0, 3), (7, 9)])
    found = FrozenAttention(Whole(), prompts)(q, k, v)
    whole = Whole()(q, k, v)
    for start, prompt, end in ((0, 3, 7), (7, 9, 12)):
        alone = attend(q[start:prompt], k[start:prompt], v[start:prompt])
        torch.testing.assert_close(found[start:prompt].double(), alone, rtol=1e-5, atol=1e-5)
        assert not torch.allclose(found[start:prompt], whole[start:prompt], atol=1e-2)
        assert torch.equal(found[prompt:end], whole[prompt:end])


def options(*, chunked: bool = False, prefix: bool = False, graphs: str = "NONE") -> Any:
    return SimpleNamespace(
        scheduler_config=SimpleNamespace(enable_chunked_prefill=chunked),
        cache_config=SimpleNamespace(enable_prefix_caching=prefix),
        compilation_config=SimpleNamespace(cudagraph_mode=SimpleNamespace(name=graphs)),
    )


def test_options_that_would_give_wrong_tags() -> None:
    check_options(options(), cached=False)
    check_options(options(prefix=True), cached=True)
    with pytest.raises(ValueError, match="leave out --enable-prefix-caching"):
        check_options(options(prefix=True), cached=False)
    with pytest.raises(ValueError, match="leave out --enable-chunked-prefill"):
        check_options(options(chunked=True), cached=True)
    with pytest.raises(ValueError, match="add --enforce-eager"):
        check_options(options(graphs="FULL"), cached=False)
