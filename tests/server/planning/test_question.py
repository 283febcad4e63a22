from __future__ import annotations

import pytest
from cprs_server.planning.question import find
from prompts import PROMPTS, Prompt


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.name)
def test_prompts_are_taken_apart(prompt: Prompt) -> None:
    text, found = prompt.text, find(prompt.text)
    assert found.task == prompt.task, found
    for start, end in prompt.ranges("q"):
        asked = [text[a:b] for a, b in found.documents if a < end and b > start]
        assert not asked, f"of {text[start:end]!r} may be compressed: {asked[0][:80]!r}"
    for start, end in prompt.ranges("d"):
        covered = sum(max(0, min(b, end) - max(a, start)) for a, b in found.documents)
        assert covered >= 0.9 * (end - start), f"only {covered} of {end - start}: {found}"
    words = found.query.split()
    for word in prompt.query:
        assert any(word.lower() in each.lower() for each in [*words, found.query]), found.query
    for word in prompt.not_query:
        assert word not in words, found.query
