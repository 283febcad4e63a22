"""What every API form comes down to: texts in a request, each with its place in the body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Path = tuple[str | int, ...]
"""Keys and indices from a JSON body to one of its values."""

Kind = Literal["system", "question", "document", "tool_result", "answer"]
"""What a text is in a prompt. "question": what a user wrote, documents in it included; "document":
a part of its own that the API calls a document or a file; "answer": what the model said before."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a request.

    `path` is where its JSON string is; `turn` counts messages from 0. `call`: of a tool result,
    the name and arguments of the call that asked for it. `name`: of a document, its title or file
    name. `pinned`: it lies at or before a cache marker, so no byte of it may change. `encoded`:
    how the text is packed in the string ("base64" for file data), "" if it is the string itself.
    """

    path: Path
    text: str
    kind: Kind
    turn: int
    call: str = ""
    name: str = ""
    pinned: bool = False
    encoded: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request as the planner sees it.

    `texts` in the order of the prompt. `model` as the client named it. `output_tokens`: how many
    the client wants at most. `other`: all else that takes room in the prompt (tools, schemas, tool
    calls), to be counted, never changed. `other_parts`: images, audio and the like. `continues`:
    earlier turns are kept by the upstream (`previous_response_id`).
    """

    form: str
    model: str
    stream: bool
    texts: tuple[Text, ...]
    output_tokens: int | None = None
    other: str = ""
    other_parts: int = 0
    continues: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a backend of our own says: a text, and tokens read and written."""

    id: str
    model: str
    text: str
    tokens_in: int
    tokens_out: int
    created: int
    cprs: Mapping[str, Any] = field(default_factory=dict)


class Form(Protocol):
    """One API form. Stateless."""

    @property
    def name(self) -> str:
        """One of "chat", "completions", "responses", "messages", "count_tokens", "embeddings"."""
        ...

    def read(self, body: Mapping[str, Any]) -> Conversation:
        """The texts of a request. What the form does not know is left out, not an error; raises
        `ProxyError` (400) only where the body cannot be a request of this form at all."""
        ...

    def error(self, status: int, message: str, *, code: str | None = None) -> bytes:
        """An error of ours as this form's clients expect it, JSON."""
        ...

    def stream_error(self, status: int, message: str, *, code: str | None = None) -> bytes:
        """The same within a stream that has begun: whole events."""
        ...

    def ends(self, events: bytes) -> bool:
        """Whether events of an upstream's stream say that the answer is whole, or has failed: what
        comes after them may be left out, what comes before may not."""
        ...

    def answer(self, answer: Answer) -> bytes:
        """An answer of our own backend, JSON."""
        ...

    def events(self, answer: Answer, *, usage: bool) -> Iterator[bytes]:
        """The same as a stream of whole events, `usage` included where the client asks for it."""
        ...
