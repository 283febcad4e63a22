"""What a policy is asked: the prompt QwenLong-L1 was trained and evaluated with, and its tokens.

One user turn, no system prompt: the text between `<text>` and `</text>`, the question, and how to
answer (released training and evaluation scripts and README, github.com/Tongyi-Zhiwen/QwenLong-L1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cprs.errors import OptionError, unknown
from cprs.l1.example import Example

READ = "Please read the following text and answer the question below."
ANSWER_FORM = 'Format your response as follows: "Therefore, the answer is (insert answer here)".'
CHOICE_FORM = 'Format your response as follows: "The correct answer is (insert answer here)".'
OVER = ("drop", "truncate")


def prompt_of(example: Example, *, context: str | None = None) -> str:
    """The published prompt for an example; `context` takes the place of its own.

    A choice is asked for in the words that the released reward for choices looks for.
    """
    form = CHOICE_FORM if example.kind == "choice" else ANSWER_FORM
    text = (example.context if context is None else context).strip()
    return f"{READ}\n\n<text>\n{text}\n</text>\n\n{example.question.strip()}\n\n{form}"


def short_prompt_of(example: Example, *, context: str | None = None) -> str:
    """Text and question alone: for models too small to follow words about a format."""
    text = (example.context if context is None else context).strip()
    return f"{text}\n{example.question.strip()}"


TEMPLATES = {"published": prompt_of, "short": short_prompt_of}


@dataclass(slots=True)
class Prompts:
    """Examples into a policy's tokens: template, then the tokenizer's chat template if it has one,
    then the suffix `opening` (such as "<think>\\n").

    At most `limit` tokens, 0 for any number. What is longer is dropped or, with
    `over="truncate"`, loses the middle of its context, as in the released evaluation: the first
    and the last half of what there is room for stay. `dropped` and `truncated` count, by uid, so
    that an example seen again is counted once.
    """

    tokenizer: Any
    template: str = "published"
    limit: int = 0
    over: str = "drop"
    opening: str = ""
    dropped: set[str] = field(default_factory=set)
    truncated: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Raise `OptionError` for a template or a way with long prompts that is not known."""
        if self.template not in TEMPLATES:
            raise unknown("template", self.template, tuple(TEMPLATES))
        if self.over not in OVER:
            raise unknown("way with prompts over the limit", self.over, OVER)

    def encode(self, example: Example) -> tuple[int, ...] | None:
        """The prompt's token ids, or None where it is over the limit and dropped.

        Raises `OptionError` where, with truncation, the question alone is over the limit, and where
        the tokenizer makes nothing of the prompt.
        """
        ids = self._ids(example, example.context)
        if not ids:
            raise OptionError(
                f"example {example.uid!r}: the tokenizer makes no token of the prompt: it is not"
                " this model's, or broken"
            )
        if not self.limit or len(ids) <= self.limit:
            return tuple(ids)
        if self.over == "drop":
            self.dropped.add(example.uid)
            return None
        around = len(self._ids(example, ""))
        room = self.limit - around
        if room < 0:
            raise OptionError(
                f"example {example.uid!r}: its question alone is {around:,} tokens, over the limit"
                f" of {self.limit:,}; raise the limit or drop what is over it"
            )
        self.truncated.add(example.uid)
        inside = self._plain(example.context)
        # Cut text may be encoded into a few tokens more than were cut: less is tried then.
        for spare in (0, 8, 64, 512):
            left = middle_out(inside, max(room - spare, 0))
            ids = self._ids(example, "".join(self.tokenizer.decode(part) for part in left))
            if len(ids) <= self.limit:
                return tuple(ids)
        return tuple(self._ids(example, ""))

    def tokens(self, example: Example) -> int:
        """The length |x| + |c| that phases go by: the example's own `tokens`, else its prompt's."""
        if example.tokens is not None:
            return example.tokens
        return len(self._ids(example, example.context))

    def _ids(self, example: Example, context: str) -> list[int]:
        text = TEMPLATES[self.template](example, context=context)
        if getattr(self.tokenizer, "chat_template", None):
            turns = [{"role": "user", "content": text}]
            text = self.tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True
            )
            return self._plain(text + self.opening)
        return self._plain(text + self.opening)

    def _plain(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))


def middle_out(ids: Sequence[int], room: int) -> tuple[Sequence[int], Sequence[int]]:
    """The first and the last half of what there is room for: (head, tail)."""
    if len(ids) <= room:
        return ids, ()
    head = room // 2
    tail = room - head
    return ids[:head], ids[len(ids) - tail :]
