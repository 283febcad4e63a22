"""What is trained and evaluated on: a question about a long text, with its answers, in JSONL; and
what a policy made of one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from cprs.errors import OptionError, TextError, unknown
from cprs.l1.jsonl import read_objects

Kind = Literal["text", "numeric", "choice"]
KINDS: tuple[str, ...] = get_args(Kind)
"""How an answer is compared: as words, as a number, or as the letter of a choice."""


@dataclass(frozen=True, slots=True)
class Example:
    """A `question` about a `context`; any of `answers` is right, the first is the one to show.

    `source` names the data set. `tokens` is the length |x| + |c| of question and context, None
    where nobody has counted yet. A `context` may be empty: a question about nothing but itself.
    """

    uid: str
    question: str
    context: str
    answers: tuple[str, ...]
    kind: Kind = "text"
    source: str = ""
    tokens: int | None = None

    def __post_init__(self) -> None:
        """Raise `OptionError` for an example nothing can be asked or judged by."""
        if not self.uid:
            raise OptionError("an example needs a uid: a name of its own")
        if not self.question.strip():
            raise OptionError(f"example {self.uid!r} has no question")
        if not any(answer.strip() for answer in self.answers):
            raise OptionError(f"example {self.uid!r} has no answer")
        if self.kind not in KINDS:
            raise OptionError(f"example {self.uid!r}: {unknown('kind', self.kind, KINDS)}")
        if self.tokens is not None and self.tokens < 0:
            raise OptionError(f"example {self.uid!r}: tokens must be at least 0, got {self.tokens}")


@dataclass(frozen=True, slots=True)
class Rollout:
    """One output y of a policy for the example `uid`.

    `prompt_ids` is what it was given, `ids` what it said, end token included where there is one.
    `logprobs[t]` is log π(ids[t] | all before) as the policy that sampled had it, at temperature 1
    before any truncation of its distribution; empty where the backend does not say. `text` is `ids`
    decoded, without special tokens; `finished` says that it ended by itself, not at the limit.
    """

    uid: str
    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    text: str
    finished: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """A rollout's `accuracy`, 0 or 1, and the `reward` it is trained with: the accuracy shaped by
    length (eq. 7)."""

    accuracy: float
    reward: float


_NAMES = tuple(field.name for field in fields(Example))
_NEEDED = ("uid", "question", "answers")


def read_examples(path: Path) -> list[Example]:
    """All examples of a JSONL file, in its order; see `iter_examples`. Raises `TextError` where
    the file is empty or two of its examples have one uid."""
    examples: list[Example] = []
    seen: dict[str, int] = {}
    for number, example in enumerate(iter_examples(path), 1):
        if example.uid in seen:
            raise TextError(
                f"{path}: examples {seen[example.uid]} and {number} have one uid, {example.uid!r}"
            )
        seen[example.uid] = number
        examples.append(example)
    if not examples:
        raise TextError(f"{path}: holds no example; each line is a JSON object")
    return examples


def iter_examples(path: Path) -> Iterator[Example]:
    """The examples of a JSONL file, one by one: objects with the names of `Example`, of which
    uid, question and answers are needed. Names it does not know are errors.

    Raises `TextError`, naming the line, for one that is no example.
    """
    for where, found in read_objects(path):
        yield example_of(found, where)


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    """Write a JSONL file that `read_examples` reads; returns how many lines."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for example in examples:
            file.write(json.dumps(asdict(example), ensure_ascii=False) + "\n")
            count += 1
    return count


def by_uid(examples: Sequence[Example]) -> dict[str, Example]:
    """The examples, to be looked up."""
    return {example.uid: example for example in examples}


def example_of(found: Mapping[str, Any], where: str) -> Example:
    """The example of a JSON object. Raises `TextError`, beginning with `where`, for none."""
    for name in found:
        if name not in _NAMES:
            raise TextError(f"{where}: {unknown('name', name, _NAMES)}")
    for name in _NEEDED:
        if name not in found:
            raise TextError(f"{where}: needs {name!r}")
    answers = found["answers"]
    if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
        raise TextError(f"{where}: answers must be a list of texts")
    for name in ("uid", "question", "context", "kind", "source"):
        if not isinstance(found.get(name, ""), str):
            raise TextError(f"{where}: {name} must be a text")
    tokens = found.get("tokens")
    if tokens is not None and (not isinstance(tokens, int) or isinstance(tokens, bool)):
        raise TextError(f"{where}: tokens must be a whole number or null")
    values = {**found, "context": found.get("context", ""), "answers": tuple(answers)}
    try:
        return Example(**values)
    except OptionError as error:
        raise TextError(f"{where}: {error}") from error
