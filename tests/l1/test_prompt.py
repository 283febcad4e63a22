"""The prompt and the way back: what is asked, what fits, what was said."""

from __future__ import annotations

import pytest

from cprs.errors import OptionError
from cprs.l1.answers import answer_of, parse_answer, split_thinking
from cprs.l1.example import Example
from cprs.l1.prompt import Prompts, middle_out, prompt_of

EXAMPLE = Example("a", "Who came?", " Ann came. ", ("Ann",))


class Letters:
    """A tokenizer of single characters."""

    chat_template: str | None = None

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        assert not add_special_tokens
        return [ord(letter) for letter in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(map(chr, ids))


class Chat(Letters):
    chat_template = "x"

    def apply_chat_template(
        self, turns: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool
    ) -> str:
        assert add_generation_prompt
        assert not tokenize
        return f"<user>{turns[0]['content']}<assistant>"


def test_the_published_prompt() -> None:
    assert prompt_of(EXAMPLE) == (
        "Please read the following text and answer the question below.\n\n<text>\nAnn came.\n"
        '</text>\n\nWho came?\n\nFormat your response as follows: "Therefore, the answer is'
        ' (insert answer here)".'
    )
    pick = Example("c", "Which?", "", ("B",), kind="choice")
    assert prompt_of(pick).endswith('"The correct answer is (insert answer here)".')


def test_prompts_over_the_limit_are_dropped_and_counted() -> None:
    prompts = Prompts(Letters(), limit=len(prompt_of(EXAMPLE)))
    assert prompts.encode(EXAMPLE) == tuple(map(ord, prompt_of(EXAMPLE)))
    longer = Example("b", "Who came?", "Ann came. " * 3, ("Ann",))
    assert prompts.encode(longer) is None
    assert prompts.encode(longer) is None
    assert prompts.dropped == {"b"}
    assert prompts.tokens(longer) == len(prompt_of(longer))


def test_or_lose_the_middle_of_their_text() -> None:
    limit = len(prompt_of(EXAMPLE, context=10 * "x"))
    prompts = Prompts(Letters(), limit=limit, over="truncate")
    long = Example("b", "Who came?", "0123456789" * 9, ("Ann",))
    ids = prompts.encode(long)
    assert ids is not None
    text = "".join(map(chr, ids))
    assert len(text) == limit
    assert "<text>\n0123456789\n</text>" in text
    assert prompts.truncated == {"b"}
    with pytest.raises(OptionError, match="its question alone"):
        Prompts(Letters(), limit=10, over="truncate").encode(long)


def test_a_chat_template_and_an_opening_go_around() -> None:
    ids = Prompts(Chat(), template="short", opening="<think>").encode(EXAMPLE)
    assert ids is not None
    assert "".join(map(chr, ids)) == "<user>Ann came.\nWho came?<assistant><think>"


def test_unknown_ways() -> None:
    with pytest.raises(OptionError, match="unknown template"):
        Prompts(Letters(), template="x")
    with pytest.raises(OptionError, match="over the limit"):
        Prompts(Letters(), over="x")


def test_the_middle_goes_first() -> None:
    ids = (1, 2, 3, 4, 5, 6, 7)
    assert middle_out(ids, 4) == ((1, 2), (6, 7))
    assert middle_out(ids, 3) == ((1,), (6, 7))
    assert middle_out(ids, 0) == ((), ())
    assert middle_out(ids, 7) == (ids, ())


@pytest.mark.parametrize(
    ("rest", "answer"),
    [
        ("Therefore, the answer is (Paris).", "Paris"),
        ("The Answer is: **Paris**", "Paris"),
        ("The final answer is \\boxed{42}.", "42"),
        ("the answer is (a) or (b).", "(a) or (b)"),
        ('the answer is "Bob".<|im_end|>', "Bob"),
        ("the answer is Rome. No: the answer is Paris.\nI am sure.", "Paris"),
        ("the answer is 3.14.", "3.14"),
        ("the answer is\n", None),
        ("Paris", None),
        ("breathe answer is Paris", None),
    ],
)
def test_the_answer_stands_behind_the_last_the_answer_is(rest: str, answer: str | None) -> None:
    assert parse_answer(rest) == answer


def test_choices_are_asked_for_in_other_words() -> None:
    assert parse_answer("The correct answer is (B).", kind="choice") == "B"
    assert parse_answer("The correct answer is (B).") is None


def test_thinking_ends_or_it_does_not() -> None:
    said = split_thinking("<think>a</think>b</think> c ")
    assert (said.thinking, said.rest, said.closed) == ("a</think>b", "c", True)
    assert not split_thinking("<think>the answer is 3").closed
    assert answer_of("the answer is 3") is None
    assert answer_of("the answer is 3", thinking=False) == "3"
    assert answer_of("the answer is 4</think>the answer is 3") == "3"
