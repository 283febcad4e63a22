"""Laws of plans, for conversations of any kind."""

from __future__ import annotations

import time
from dataclasses import replace

from cprs_server.planning.base import Mode, Options, Target
from cprs_server.planning.planner import Planner
from cprs_server.wire.base import Conversation, Kind
from hypothesis import given, settings
from hypothesis import strategies as st
from planned import LONG, QUESTION, RAG, TARGET, asked, plan, text
from prompt_documents import CONTRACT, LOG, REPORT, STORY, TRANSCRIPT
from prompts import PROMPTS

KINDS: st.SearchStrategy[Kind] = st.sampled_from(
    ("system", "question", "document", "tool_result", "answer")
)
WORDY = st.sampled_from(
    (
        REPORT,
        LOG,
        RAG,
        STORY + QUESTION,
        "Who?",
        "Find the errors.\n\n" + LOG,
        CONTRACT + "\n\nWhat is the notice period?",
        "<document>\n" + TRANSCRIPT + "\n</document>\nWho was on call?",
        "[" + ", ".join(map(str, range(300))) + "]",
        "",
    )
)
CONVERSATIONS = st.lists(st.tuples(KINDS, WORDY, st.booleans()), max_size=7).map(
    lambda parts: Conversation(
        "chat",
        "model",
        False,
        tuple(
            text(kind, words, turn, pinned=pinned, call="find: x" * (kind == "tool_result"))
            for turn, (kind, words, pinned) in enumerate(parts)
        ),
        output_tokens=20,
    )
)
CHOICES = st.builds(
    Options,
    mode=st.sampled_from(("off", "auto", "always", "audit")),
    query=st.none() | st.just("errors"),
    budget=st.none() | st.integers(1, 2_000),
    ratio=st.none() | st.floats(1, 50),
    threshold=st.none() | st.floats(0, 1),
    trigger=st.integers(0, 2_000),
    least=st.integers(0, 300),
    sticky=st.booleans(),
)
WINDOWS = st.none() | st.integers(30, 4_000)


@settings(deadline=None, max_examples=150)
@given(CONVERSATIONS, CHOICES, WINDOWS)
def test_laws_of_plans(conversation: Conversation, options: Options, window: int | None) -> None:
    target = replace(TARGET, window=window)
    made = plan(conversation, options, target)
    assert made == plan(conversation, options, target)
    if options.mode == "off":
        assert (made.decision, made.pieces) == ("forward", ())
    end = (-1, 0)
    for piece in made.pieces:
        source = conversation.texts[piece.text]
        assert not source.pinned
        assert source.kind not in ("system", "answer")
        assert 0 <= piece.start < piece.end <= len(source.text)
        assert (piece.text, piece.start) >= end
        end = (piece.text, piece.end)
    if made.decision == "compress":
        assert made.pieces
        whole = sum(piece.tokens for piece in made.pieces)
        if options.budget is not None:
            kept = made.budget if made.budget is not None else whole / (options.ratio or 1)
            assert kept <= options.budget + 1
        if made.budget is not None:
            rest = made.tokens_in - sum(piece.tokens for piece in made.pieces)
            # Pieces are counted apart from what is around them: a word may be cut in two.
            assert made.room is None or rest + made.budget <= made.room + len(made.pieces)
            if options.ratio is not None:
                assert made.budget <= max(1, whole / options.ratio) + len(made.pieces)
            assert made.options.ratio is None
        else:
            assert options.ratio is not None or options.threshold is not None
    else:
        assert not made.pieces or options.mode == "audit"


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(PROMPTS),
    CHOICES,
    st.integers(30, 3_000),
    st.integers(0, 3_000),
)
def test_a_bigger_window_never_gives_less(
    prompt: object, options: Options, window: int, more: int
) -> None:
    conversation = asked(prompt.text, output_tokens=20)  # type: ignore[attr-defined]

    def allowed(size: int) -> float:
        made = plan(conversation, options, replace(TARGET, window=size))
        if made.about.get("reason", made.reason) == "over_window_uncompressible":
            return 0
        whole = sum(piece.tokens for piece in made.pieces)
        least = min(made.about.get("limits", {}).values(), default=whole)
        return made.tokens_in - whole + (min(whole, least) if made.budget is None else made.budget)

    assert allowed(window) <= allowed(window + more) + 1


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(PROMPTS), st.sampled_from(("always", "auto")), st.integers(0, 50))
def test_questions_are_in_no_piece(prompt: object, mode: Mode, least: int) -> None:
    conversation = asked(prompt.text)  # type: ignore[attr-defined]
    made = plan(conversation, Options(mode=mode, trigger=0, least=least))
    for start, end in prompt.ranges("q"):  # type: ignore[attr-defined]
        assert all(piece.end <= start or piece.start >= end for piece in made.pieces)


def test_eight_megabytes_take_about_a_second() -> None:
    words = (LONG + "\n\n" + LOG + "\n\n") * 1_800
    conversation = asked(words[:8_000_000] + QUESTION)
    started = time.process_time()
    made = Planner().plan(conversation, Options(), Target("gpt-4o", 128_000, "no/tokenizer"))
    assert made.reason == "over_window"
    assert made.budget is not None
    assert made.budget < 16_000
    assert time.process_time() - started < 4
