"""Plans of conversations that tests make, counted in words."""

from __future__ import annotations

from cprs_server.planning.base import Options, Plan, Target
from cprs_server.planning.counting import Counting
from cprs_server.planning.planner import Planner
from cprs_server.wire.base import Conversation, Kind, Text
from prompt_documents import PASSAGES, REPORT, STORY

from cprs.tokens import TokenCounter

WORDS = TokenCounter("words", lambda text: len(text.split()), exact=True)
TARGET = Target("model", window=None, tokenizer="words")
OPTIONS = Options(trigger=200, least=50)
QUESTION = "\n\nWho moved to repair the breakwater?"
LONG = REPORT + "\n\n" + STORY
RAG = "\n\n".join(f"[{i}] {words}" for i, words in enumerate(PASSAGES * 3, 1))


def planner() -> Planner:
    return Planner(Counting(lambda _: WORDS))


def text(kind: Kind, words: str, turn: int, **more: object) -> Text:
    return Text(path=("messages", turn, "content"), text=words, kind=kind, turn=turn, **more)  # type: ignore[arg-type]


def asked(words: str, **more: object) -> Conversation:
    return Conversation("chat", "model", False, (text("question", words, 0),), **more)  # type: ignore[arg-type]


def plan(
    conversation: Conversation, options: Options = OPTIONS, target: Target = TARGET, **more: str
) -> Plan:
    return planner().plan(conversation, options, target, **more)


def pieces(conversation: Conversation, made: Plan) -> list[str]:
    return [conversation.texts[p.text].text[p.start : p.end] for p in made.pieces]
