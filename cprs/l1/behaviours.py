"""The four reasoning behaviours the paper tracks over training: grounding, subgoal setting,
verification and backtracking, counted per output.

By words here: cheap enough for every step. `by_judge` asks a model instead; both count how often,
not how well.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from cprs.errors import OptionError
from cprs.l1.answers import CLOSE

BEHAVIOURS = ("grounding", "subgoal", "verification", "backtracking")
_PATTERNS = {
    "grounding": r"according to"
    r"|the (?:text|document|passage|article|paragraph|table|report|context)"
    r" (?:says|states|mentions|shows|notes|reads)"
    r"|as (?:stated|mentioned|described|shown) in"
    r"|(?:mentioned|stated|found|given|listed) in the"
    r"|(?:in|from) the (?:text|document|passage|article|paragraph|table|context)\b"
    r"|根据(?:文|原|材料)|文中|原文",
    "subgoal": r"\b(?:first|firstly|next|then),|\bstep \d"
    r"|i need to (?:find|determine|identify|figure|locate)"
    r"|(?:let me|let's|i'll|i will) (?:start|begin|first|break|look for|find)"
    r"|to (?:answer|solve|find) this|首先|接下来|第一步|我需要",
    "verification": r"let me (?:check|verify|confirm|double|re-?check|make sure)|double[- ]check"
    r"|\bverif(?:y|ying)\b|\bconfirm(?:s|ing)? (?:that|this)|(?:to be|make|making) sure"
    r"|is (?:that|this) (?:right|correct)\?|验证|确认|检查一下",
    "backtracking": r"\bwait\b|\bhmm\b|\bactually,|on second thought"
    r"|(?:i|that) (?:was|made) (?:wrong|a mistake)"
    r"|let me (?:re-?consider|re-?think|try again|go back|start over)|alternatively"
    r"|no, that|that(?:'s| is) not (?:right|correct)|等等|不对|重新考虑",
}
_COMPILED = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _PATTERNS.items()}

_ASKED = """\
Below is what a model thought before it answered a question about a text. Count how often it does \
each of these:
grounding: it recalls or quotes what the text says
subgoal: it sets itself a step or a partial goal
verification: it checks a result it has
backtracking: it gives up a line of thought and takes another
End with one last line, with numbers in place of the letters:
[[grounding=A subgoal=B verification=C backtracking=D]]

{text}"""
_COUNTED = re.compile(
    r"\[\[\s*grounding=(\d+)\s+subgoal=(\d+)\s+verification=(\d+)\s+backtracking=(\d+)\s*\]\]"
)


def count(output: str) -> dict[str, int]:
    """How often each behaviour shows in an output's thinking, by its words."""
    text = output.rpartition(CLOSE)[0] or output
    return {name: len(pattern.findall(text)) for name, pattern in _COMPILED.items()}


def mean(outputs: Sequence[str]) -> dict[str, float]:
    """Mean counts over outputs; zeros for none."""
    counts = [count(output) for output in outputs]
    return {name: sum(one[name] for one in counts) / max(len(counts), 1) for name in BEHAVIOURS}


async def by_judge(
    outputs: Sequence[str], *, url: str, model: str, key: str = "none", concurrency: int = 16
) -> list[dict[str, int] | None]:
    """The counts a model gives, at an OpenAI-compatible endpoint; None where it gives none.
    Raises `OptionError` for no concurrency."""
    from openai import AsyncOpenAI, OpenAIError

    if concurrency < 1:
        raise OptionError(f"concurrency must be at least 1, got {concurrency}")
    gate = asyncio.Semaphore(concurrency)
    async with AsyncOpenAI(base_url=url, api_key=key, max_retries=3) as client:

        async def one(output: str) -> dict[str, int] | None:
            text = _ASKED.format(text=output.rpartition(CLOSE)[0] or output)
            async with gate:
                try:
                    response = await client.chat.completions.create(
                        model=model, messages=[{"role": "user", "content": text}], temperature=0.0
                    )
                except OpenAIError:
                    return None
            return parse_counts(response.choices[0].message.content or "")

        return list(await asyncio.gather(*(one(output) for output in outputs)))


def parse_counts(said: str) -> dict[str, int] | None:
    """The counts in a judge's last line, None where there are none."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    found = _COUNTED.fullmatch(lines[-1]) if lines else None
    if found is None:
        return None
    return {name: int(number) for name, number in zip(BEHAVIOURS, found.groups(), strict=True)}
