from __future__ import annotations

import json
from dataclasses import replace

import pytest
from cprs_server.planning.base import Options, Target
from cprs_server.planning.counting import Counting
from cprs_server.planning.planner import Planner
from cprs_server.wire.base import Conversation, Kind
from planned import LONG, OPTIONS, QUESTION, RAG, TARGET, asked, pieces, plan, planner, text
from prompt_documents import LOG, PASSAGES, REPORT, STORY, TRANSCRIPT

from cprs.tokens import TokenCounter


def test_a_document_is_planned_and_its_question_is_not() -> None:
    conversation = asked(LONG + QUESTION)
    made = plan(conversation)
    assert (made.decision, made.reason) == ("compress", "over_trigger")
    assert pieces(conversation, made) == [LONG]
    assert made.pieces[0].query == QUESTION.strip()
    assert made.budget is not None
    assert made.tokens_in - made.pieces[0].tokens + made.budget <= OPTIONS.trigger
    assert made.exact


def test_off_plans_nothing_and_short_prompts_are_not_counted() -> None:
    def never(_: str) -> int:
        raise AssertionError("counted")

    quiet = Planner(Counting(lambda _: TokenCounter("never", never)))
    off = quiet.plan(asked(LONG + QUESTION), replace(OPTIONS, mode="off"), TARGET)
    assert (off.decision, off.reason, off.pieces) == ("forward", "mode_off", ())
    short = quiet.plan(asked("Who are you?"), Options(), TARGET)
    assert (short.decision, short.reason, short.exact) == ("forward", "below_trigger", False)
    assert short.tokens_in >= 5


def test_always_plans_what_auto_leaves() -> None:
    conversation = asked(REPORT + QUESTION)
    assert plan(conversation, replace(OPTIONS, trigger=300)).reason == "below_trigger"
    made = plan(conversation, replace(OPTIONS, mode="always"))
    assert (made.decision, made.reason) == ("compress", "asked")
    assert made.budget == made.pieces[0].tokens // 4


def test_an_audit_forwards_what_it_measures() -> None:
    made = plan(asked(LONG + QUESTION), replace(OPTIONS, mode="audit"))
    assert (made.decision, made.reason) == ("forward", "audit")
    assert made.about["reason"] == "over_trigger"
    assert made.pieces
    low = plan(asked("Hello?"), replace(OPTIONS, mode="audit"))
    assert (low.reason, low.about["reason"]) == ("audit", "below_trigger")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (LONG, "no_query"),
        ("Translate this into French.\n\n" + LONG, "needs_whole_text"),
        ("Summarise the following report:\n\n" + LONG, "needs_whole_text"),
    ],
)
def test_what_cannot_be_answered_from_a_part_is_forwarded(words: str, reason: str) -> None:
    made = plan(asked(words))
    assert (made.decision, made.reason, made.pieces) == ("forward", reason, ())
    # A query of the caller's own wins over what the words say.
    assert plan(asked(words), replace(OPTIONS, query="the breakwater")).decision == "compress"
    told = plan(asked(words), replace(OPTIONS, instruction="Keep every name."))
    assert (told.decision, told.pieces[0].query) == ("compress", "")


def test_a_summary_is_compressed_when_it_must_be_a_translation_never() -> None:
    small = replace(TARGET, window=250)
    summary = asked("Summarise the following report:\n\n" + LONG, output_tokens=50)
    assert plan(summary, target=small).reason == "over_window"
    assert plan(summary, replace(OPTIONS, mode="always")).reason == "asked"
    translation = asked("Translate this into French.\n\n" + LONG, output_tokens=50)
    made = plan(translation, target=small)
    assert (made.decision, made.reason) == ("refuse", "over_window_uncompressible")
    assert "translations" in made.notes[0]
    assert str(made.tokens_in) in made.notes[1]
    always = plan(translation, replace(OPTIONS, mode="always"))
    assert (always.decision, always.reason) == ("forward", "needs_whole_text")


def test_what_an_estimate_says_is_too_long_is_left_to_the_upstream() -> None:
    rough = Planner(Counting(lambda name: TokenCounter(name, lambda _: 0, exact=False)))
    target = Target("model", window=500, tokenizer="x")
    made = rough.plan(asked(LONG, output_tokens=50), OPTIONS, target)
    assert (made.decision, made.reason) == ("forward", "over_window_uncompressible")
    assert not made.exact
    tiny = replace(target, window=100)
    assert rough.plan(asked(LONG, output_tokens=50), OPTIONS, tiny).decision == "refuse"


def conversation_of(
    *turns: tuple[Kind, str] | tuple[Kind, str, str], form: str = "chat"
) -> Conversation:
    texts = []
    for number, (kind, words, *call) in enumerate(turns):
        texts.append(text(kind, words, number, call=call[0] if call else ""))
    return Conversation(form, "model", False, tuple(texts))


def test_a_document_of_an_earlier_turn_is_read_for_the_last_question() -> None:
    conversation = conversation_of(
        ("system", STORY + "\n\nWho is Ilse?"),
        ("question", "Here is the report:\n\n" + REPORT + "\n\n" + LOG),
        ("answer", REPORT),
        ("question", "How much was approved for the repair of the breakwater?"),
    )
    made = plan(conversation, replace(OPTIONS, min_saving=0.0, mode="always"))
    assert [piece.text for piece in made.pieces] == [1]
    assert made.pieces[0].query == "How much was approved for the repair of the breakwater?"
    with_system = plan(conversation, replace(OPTIONS, mode="always", system=True))
    assert [piece.text for piece in with_system.pieces] == [0, 1]


def test_a_follow_up_is_read_with_the_question_before_it() -> None:
    conversation = conversation_of(
        ("question", LONG + QUESTION), ("answer", "Ms Adeyemi."), ("question", "And who abstained?")
    )
    made = plan(conversation, replace(OPTIONS, mode="always"))
    assert made.pieces[0].query == f"{QUESTION.strip()} And who abstained?"
    thanks = conversation_of(
        *((t.kind, t.text) for t in conversation.texts[:2]), ("question", "Go on")
    )
    assert plan(thanks, replace(OPTIONS, mode="always")).pieces[0].query == QUESTION.strip()


def test_a_tool_result_is_read_for_its_call_and_the_question_before_it() -> None:
    call = 'search_logs: {"limit": 50, "query": "database errors"}'
    conversation = conversation_of(
        ("question", "Why did the nightly job fail on Tuesday?"),
        ("tool_result", LOG + "\n" + LOG, call),
    )
    made = plan(conversation)
    query = "search logs: database errors\nWhy did the nightly job fail on Tuesday?"
    assert [piece.query for piece in made.pieces] == [query]
    # What comes later changes nothing: a provider's cache finds the same bytes.
    later = conversation_of(
        *((t.kind, t.text, t.call) for t in conversation.texts),
        ("answer", "The database refused connections."),
        ("question", "Which worker was the slowest of all?"),
    )
    assert plan(later, replace(OPTIONS, mode="always")).pieces[0].query == query


def test_without_any_question_a_tool_result_has_its_call_or_nothing() -> None:
    options = replace(OPTIONS, mode="always")
    alone = conversation_of(("tool_result", LOG, 'read_log: {"path": "a.log"}'))
    assert plan(alone, options).pieces[0].query == "read log: a.log"
    mute = conversation_of(("tool_result", LOG))
    assert plan(mute, options).reason == "no_query"
    assert plan(replace(mute, continues=True), options).reason == "continues"


def test_pinned_texts_are_left_alone() -> None:
    texts = (
        text("document", REPORT, 0, pinned=True),
        text("document", STORY, 0),
        text("question", "Who abstained from the vote on it?", 0),
    )
    conversation = Conversation("messages", "model", False, texts)
    assert [p.text for p in plan(conversation, replace(OPTIONS, mode="always")).pieces] == [1]
    pinned = replace(conversation, texts=tuple(replace(t, pinned=True) for t in texts))
    assert plan(pinned).reason == "nothing_compressible"


def test_json_stays_json_and_one_long_string_is_left_alone() -> None:
    records = json.dumps([{"id": i, "site": "north", "state": "open"} for i in range(80)], indent=1)
    call = 'list_sites: {"state": "open"}'
    made = plan(conversation_of(("tool_result", records, call)), replace(OPTIONS, mode="always"))
    assert [piece.format for piece in made.pieces] == ["json"]
    broken = plan(
        conversation_of(("tool_result", records[:-20], call)), replace(OPTIONS, mode="always")
    )
    assert [piece.format for piece in broken.pieces] == [None]
    page = json.dumps({"url": "https://example.com", "text": LONG * 3})
    left = plan(conversation_of(("tool_result", page, call)))
    assert (left.reason, left.pieces) == ("nothing_compressible", ())
    assert "JSON" in left.notes[0]


def test_a_file_that_was_read_is_named() -> None:
    source = "\n".join(f"def f{i}():\n    return {i}\n" for i in range(60))
    call = 'read_file: {"path": "src/app/limits.py"}'
    made = plan(conversation_of(("tool_result", source, call)), replace(OPTIONS, mode="always"))
    assert made.pieces[0].name == "limits.py"
    listing = "\n".join(f"{i:5}\t{line}" for i, line in enumerate(source.splitlines(), 1))
    made = plan(conversation_of(("tool_result", listing, call)), replace(OPTIONS, mode="always"))
    assert made.pieces[0].name == ""


def test_numbered_passages_are_whole_unless_the_budget_is_too_small() -> None:
    conversation = asked(RAG + "\n\nWhich oil froze in winter?")
    made = plan(conversation, replace(OPTIONS, budget=120))
    assert [piece.format for piece in made.pieces] == ["passages"]
    assert pieces(conversation, made) == [RAG]
    tight = plan(conversation, replace(OPTIONS, budget=40))
    assert len(tight.pieces) == 15
    assert {piece.format for piece in tight.pieces} == {None}
    # Their numbers are in no piece.
    assert all(not words.startswith("[") for words in pieces(conversation, tight))
    finer = plan(conversation, replace(OPTIONS, budget=120, granularity="sentence"))
    assert [piece.format for piece in finer.pieces] == [None]


def test_documents_in_tags_are_whole_with_their_tags() -> None:
    tagged = "\n".join(
        f'<document index="{i}">\n{words}\n</document>' for i, words in enumerate(PASSAGES * 3, 1)
    )
    body = f"<documents>\n{tagged}\n</documents>\n\nWhich oil froze in winter?"
    conversation = asked(body)
    made = plan(conversation, replace(OPTIONS, budget=120))
    assert pieces(conversation, made) == [tagged]
    assert made.pieces[0].format == "passages"
    tight = plan(conversation, replace(OPTIONS, budget=40))
    assert pieces(conversation, tight)[0] == PASSAGES[0]


def test_a_saving_that_is_too_small_is_left() -> None:
    words = asked(LONG + QUESTION)
    size = plan(words).tokens_in
    near = replace(OPTIONS, trigger=size - 5)
    assert plan(words, near).reason == "min_saving"
    assert plan(words, replace(near, min_saving=0.0)).decision == "compress"
    # Nothing is forwarded that does not fit, however little would be saved.
    target = replace(TARGET, window=size + 40)
    assert plan(replace(words, output_tokens=45), near, target).reason == "over_window"


def test_a_cached_prefix_is_only_broken_where_that_pays() -> None:
    turns: list[tuple[Kind, str]] = [("question", LONG + QUESTION)]
    for _ in range(4):
        turns += [
            ("answer", TRANSCRIPT),
            ("question", "Who else spoke about the outage on Sunday?"),
        ]
    conversation = conversation_of(*turns)
    made = plan(conversation, replace(OPTIONS, trigger=400))
    assert (made.decision, made.reason) == ("forward", "cached_prefix")
    dear = replace(TARGET, price=2.0, cached_price=2.0)
    assert plan(conversation, replace(OPTIONS, trigger=400), dear).decision == "compress"
    # Anthropic's providers cache nothing without a marker.
    unmarked = replace(conversation, form="messages")
    assert plan(unmarked, replace(OPTIONS, trigger=400)).decision == "compress"


def test_of_an_agents_results_only_new_ones_break_no_prefix() -> None:
    texts = (
        text("question", "Why did the nightly job fail on Tuesday?", 1),
        text("tool_result", LOG, 3, call="read_log: a.log"),
        text("tool_result", LOG + "\n" + LOG + "\n" + LOG, 5, call="read_log: b.log"),
    )
    made = plan(Conversation("chat", "model", False, texts))
    assert [piece.text for piece in made.pieces] == [2]


def test_what_was_compressed_before_is_sent_again_as_it_was() -> None:
    maker = planner()
    first = conversation_of(
        ("question", "Why did the nightly job fail on Tuesday?"),
        ("tool_result", LOG + "\n" + LOG, "read_log: a.log"),
    )
    made = maker.plan(first, OPTIONS, TARGET, scope="key-1")
    maker.remember(made.pieces[0], "db-2 connection refused", 3)
    second = replace(
        first, texts=(*first.texts, text("tool_result", LOG * 2, 3, call="read_log: b.log"))
    )
    again = maker.plan(second, OPTIONS, TARGET, scope="key-1")
    assert [piece.kept for piece in again.pieces] == ["db-2 connection refused", None]
    assert maker.plan(first, OPTIONS, TARGET, scope="key-2").pieces[0].kept is None
    assert maker.plan(first, replace(OPTIONS, hops=2), TARGET, scope="key-1").pieces[0].kept is None


def test_sticky_keeps_a_document_through_other_questions() -> None:
    options = replace(OPTIONS, sticky=True)
    maker = planner()
    first = conversation_of(("question", LONG + QUESTION))
    maker.remember(maker.plan(first, options, TARGET).pieces[0], "Ms Adeyemi moved it.", 4)
    later: tuple[tuple[Kind, str], ...] = (
        ("question", LONG + QUESTION),
        ("answer", "Ms Adeyemi."),
        ("question", "When was the new crane taken into service?"),
    )
    again = maker.plan(conversation_of(*later), options, TARGET)
    assert [piece.kept for piece in again.pieces] == ["Ms Adeyemi moved it."]
    # The document would have come from the provider's cache: so much less is saved.
    assert again.discount == again.pieces[0].tokens - 4
    plain = maker.plan(conversation_of(*later), OPTIONS, TARGET)
    assert all(piece.kept is None for piece in plain.pieces)
    # Another conversation about the same document starts afresh.
    other = conversation_of(("question", LONG + "\n\nWho is the woman with the barometer?"))
    assert maker.plan(other, options, TARGET).pieces[0].kept is None


def test_a_form_from_before_that_no_longer_fits_is_made_anew() -> None:
    maker = planner()
    conversation = asked(LONG + QUESTION)
    maker.remember(maker.plan(conversation, OPTIONS, TARGET).pieces[0], "word " * 150, 150)
    assert maker.plan(conversation, OPTIONS, TARGET).pieces[0].kept
    options = replace(OPTIONS, budget=100)
    maker.remember(maker.plan(conversation, options, TARGET).pieces[0], "word " * 150, 150)
    made = maker.plan(conversation, options, TARGET)
    assert (made.pieces[0].kept, made.budget) == (None, 100)


def test_the_model_may_count_otherwise_and_says_so() -> None:
    made = Planner(Counting()).plan(
        asked(LONG * 4 + QUESTION), OPTIONS, Target("claude-x", 1_000, "claude-x")
    )
    assert made.decision == "compress"
    assert not made.exact
    assert made.room is not None
    assert made.room < 750 / 1.2
    assert any("estimated" in note for note in made.notes)
