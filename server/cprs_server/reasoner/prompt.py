"""Requests in the words that QwenLong-L1 was trained with (`cprs.l1.prompt`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from cprs.l1.prompt import ANSWER_FORM, READ
from cprs_server.planning.base import Target
from cprs_server.planning.question import find
from cprs_server.wire.base import Conversation, Text
from cprs_server.wire.splice import Edit

FORMS = frozenset(("chat", "messages"))
"""The forms whose requests and answers are changed."""
ROOM = 10_000
"""Tokens left for thinking and answer, as in the paper; no more than half of a window."""
_AROUND = 64  # tokens of the words around text and question, at most

_FORMED = re.compile(r"</text>|insert answer here", re.IGNORECASE)
# Beside documents and question: a label such as "Context:", tags, rules.
_LABEL = re.compile(r"(?:\s*</?[A-Za-z][^<>\n]{0,200}>)+\s*|\w+(?: \w+)?[:：]\s*|[\s=*#_-]+")


def with_room(conversation: Conversation, target: Target) -> Conversation:
    """The conversation as the planner should see it: however little a client asks for, a model
    that thinks needs room to."""
    room = ROOM if target.window is None else min(ROOM, target.window // 2)
    wanted = max(conversation.output_tokens or 0, room) + _AROUND
    return replace(conversation, output_tokens=wanted)


def as_trained(conversation: Conversation, edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """`edits`, those of a compression, made into edits that also bring the last turn of the user
    into the form of training: the text between <text> and </text>, then the question, then how to
    answer.

    Where text and question are one string, the text comes first whatever the order was; where they
    are several, each stays in its place. Where the turn holds no text but a question (one about
    earlier turns, say), only how to answer is added. What has the form already is left alone, and
    so is what lies before a cache marker.
    """
    turn = [text for text in conversation.texts if text.kind in ("question", "document")]
    turn = [text for text in turn if text.turn == turn[-1].turn]
    if not turn or any(text.pinned or _FORMED.search(text.text) for text in turn):
        return tuple(edits)
    if len(turn) == 1 and turn[0].kind == "question":
        return _one(turn[0], edits)
    return _several(turn, edits)


def _one(text: Text, edits: Sequence[Edit]) -> tuple[Edit, ...]:
    own = [edit for edit in edits if edit.path == text.path]
    others = [edit for edit in edits if edit.path != text.path]
    found = find(text.text)
    # What was compressed is text, whatever else is.
    spans = [*found.documents, *((edit.start, edit.end) for edit in own)]
    ranges = _united(spans) if found.task is not None else []
    if not ranges:
        end = len(text.text)
        return (*edits, Edit.of(text, end, end, f"\n\n{ANSWER_FORM}"))
    edges = [0, *(edge for span in ranges for edge in span), len(text.text)]
    outside = [text.text[a:b].strip() for a, b in list(pairwise(edges))[::2]]
    asked = "\n\n".join(part for part in outside if part and not _LABEL.fullmatch(part))
    question = asked or found.query
    documents = "\n\n".join(_edited(text.text, span, own) for span in ranges)
    made = f"{READ}\n\n<text>\n{documents}\n</text>\n\n{question}\n\n{ANSWER_FORM}"
    return (*others, Edit.of(text, 0, len(text.text), made))


def _several(turn: Sequence[Text], edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """Only what is put in: models' servers join the strings of a turn with line breaks."""
    asking = [text for text in turn if text.kind == "question" and not text.encoded]
    if not asking:
        return tuple(edits)
    last = asking[-1]
    made = [*edits, Edit.of(last, len(last.text), len(last.text), f"\n\n{ANSWER_FORM}")]
    first = next((text for text in turn if text is not last), last)
    before = turn[turn.index(last) - 1] if turn.index(last) else None
    if first.encoded or before is None or before.encoded:
        return tuple(made)
    made.append(Edit.of(first, 0, 0, f"{READ}\n\n<text>\n"))
    made.append(Edit.of(before, len(before.text), len(before.text), "\n</text>\n"))
    return tuple(made)


def _united(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, those that overlap as one."""
    made: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if made and start < made[-1][1]:
            made[-1] = (made[-1][0], max(end, made[-1][1]))
        else:
            made.append((start, end))
    return made


def _edited(text: str, span: tuple[int, int], edits: Sequence[Edit]) -> str:
    """A range of a text with the edits within it done."""
    parts: list[str] = []
    at = span[0]
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if span[0] <= edit.start and edit.end <= span[1]:
            parts += (text[at : edit.start], edit.text)
            at = edit.end
    return "".join((*parts, text[at : span[1]]))
