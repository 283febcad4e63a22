"""The four reasoning behaviours the paper tracks over training: grounding, subgoal setting,
verification and backtracking, counted per output.

By words, which costs nothing, or by a model that is asked about some of a step's outputs. Both
count how often, not how well.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cprs.errors import OptionError
from cprs.l1.answers import CLOSE
from cprs.l1.chats import Failure, Model

BEHAVIOURS = ("grounding", "subgoal", "verification", "backtracking")
COUNTS = ("words", "judge")
_LOG = logging.getLogger("cprs.l1")
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


def mean(outputs: Sequence[str]) -> dict[str, float | None]:
    """Mean counts over outputs, by their words; zeros for none."""
    counts = [count(output) for output in outputs]
    return {name: sum(one[name] for one in counts) / max(len(counts), 1) for name in BEHAVIOURS}


@dataclass(slots=True)
class BehaviourJudge(Model):
    """A model that counts; `outputs` of each step, evenly spread over it, are asked about.
    `uncounted` of those it gave no counts for so far."""

    outputs: int = 64
    uncounted: int = 0

    def __post_init__(self) -> None:
        """Raise `OptionError` for numbers that mean nothing."""
        if self.outputs < 1:
            raise OptionError(f"outputs must be at least 1, got {self.outputs}")
        self.check("the judge")

    def mean(self, outputs: Sequence[str]) -> dict[str, float | None]:
        """Mean counts over those outputs that the model gave any for; None, and a warning, where
        it gave none: words count something else, so theirs do not stand in."""
        asked = spaced(outputs, self.outputs)
        found = [one for one in asyncio.run(self.counts(asked)) if one is not None]
        if missing := len(asked) - len(found):
            self.uncounted += missing
            _LOG.warning("the judge counted no behaviours in %d of %d outputs", missing, len(asked))
        return {
            name: sum(one[name] for one in found) / len(found) if found else None
            for name in BEHAVIOURS
        }

    async def counts(self, outputs: Sequence[str]) -> list[Mapping[str, int] | None]:
        """The counts for each output; None where there are none to be had."""
        found: dict[str, Mapping[str, int] | None] = {}

        def done(name: str, said: Mapping[str, int] | Failure | None) -> None:
            found[name] = None if isinstance(said, Failure) else said

        await self.ask_all(
            {str(number): self._request(output) for number, output in enumerate(outputs)},
            lambda response: parse_counts(response.choices[0].message.content or ""),
            done,
        )
        return [found[str(number)] for number in range(len(outputs))]

    def _request(self, output: str) -> dict[str, Any]:
        text = _ASKED.format(text=output.rpartition(CLOSE)[0] or output)
        messages = [{"role": "user", "content": text}]
        return {"messages": messages, "temperature": 0.0}


def spaced(outputs: Sequence[str], most: int) -> list[str]:
    """At most so many of the outputs, evenly spread."""
    count = min(len(outputs), most)
    return [outputs[number * len(outputs) // count] for number in range(count)]


def parse_counts(said: str) -> dict[str, int] | None:
    """The counts in a judge's last line, None where there are none."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    found = _COUNTED.fullmatch(lines[-1]) if lines else None
    if found is None:
        return None
    return {name: int(number) for name, number in zip(BEHAVIOURS, found.groups(), strict=True)}
