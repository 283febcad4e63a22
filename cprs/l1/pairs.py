"""Pairs for SoLoPO: a short text, sampled answers of which one is right and one is wrong, and the
same text among distractors.

Short: the documents that bear on the question. Long: those and others, in an order that a seed
decides, up to a length. Answers are sampled on the short text and told apart by rule.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cprs.errors import OptionError, TextError
from cprs.l1.example import Example, example_of
from cprs.l1.jsonl import read_objects


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """The `short` example, the `long` one with the same question, and two whole outputs to the
    short one: `chosen`, which is right, and `rejected`, which is not."""

    short: Example
    long: Example
    chosen: str
    rejected: str

    @property
    def uid(self) -> str:
        """The example's."""
        return self.short.uid


@dataclass(frozen=True, slots=True)
class Paired:
    """What sampling came to: the `pairs`, and how many examples had no wrong output (`easy`) or no
    right one (`hopeless`) and make none."""

    pairs: tuple[PreferencePair, ...]
    easy: int
    hopeless: int


def lengthen(
    example: Example,
    needed: Sequence[str],
    distractors: Sequence[str],
    *,
    tokens: int,
    count: Callable[[str], int],
    seed: int,
    separator: str = "\n\n",
) -> Example:
    """The example with its `needed` documents among as many distractors as fit into `tokens`.

    All needed ones are kept, whatever their length, in their order; distractors are drawn by the
    seed and the example's uid and lie anywhere around them. Raises `OptionError` without needed
    documents.
    """
    if not needed:
        raise OptionError(f"example {example.uid!r} has no document that it needs")
    chance = random.Random(f"{seed} {example.uid}")
    room = tokens - sum(count(document) for document in needed)
    order = list(range(len(distractors)))
    chance.shuffle(order)
    drawn = []
    own = set(needed)
    for number in order:
        size = count(distractors[number])
        if size <= room and distractors[number] not in own:
            drawn.append(distractors[number])
            room -= size
    documents = list(drawn)
    places = sorted(chance.randint(0, len(drawn)) for _ in needed)
    for shift, (place, document) in enumerate(zip(places, needed, strict=True)):
        documents.insert(place + shift, document)
    context = separator.join(documents)
    length = count(context) + count(example.question)
    return Example(
        example.uid,
        example.question,
        context,
        example.answers,
        example.kind,
        example.source,
        length,
    )


def make_pairs(
    shorts: Sequence[Example],
    longs: Sequence[Example],
    outputs: Sequence[Sequence[str]],
    accuracies: Sequence[Sequence[float]],
    *,
    seed: int,
) -> Paired:
    """One pair of each example that has both a right and a wrong output, each drawn by the seed.

    `outputs` of each short example and their `accuracies` (0 or 1). Raises `OptionError` where
    short and long examples are not the same ones, or there are no outputs.
    """
    pairs: list[PreferencePair] = []
    easy = hopeless = 0
    for short, long, said, rights in zip(shorts, longs, outputs, accuracies, strict=True):
        if short.uid != long.uid:
            raise OptionError(f"short example {short.uid!r} stands beside long {long.uid!r}")
        if not said:
            raise OptionError(f"the group of outputs for {short.uid!r} is empty: sample some")
        chance = random.Random(f"{seed} {short.uid}")
        good = [text for text, right in zip(said, rights, strict=True) if right >= 1]
        bad = [text for text, right in zip(said, rights, strict=True) if right < 1]
        if good and bad:
            pairs.append(PreferencePair(short, long, chance.choice(good), chance.choice(bad)))
        elif good:
            easy += 1
        else:
            hopeless += 1
    return Paired(tuple(pairs), easy, hopeless)


def write_pairs(path: Path, pairs: Sequence[PreferencePair]) -> None:
    """Write a JSONL file that `read_pairs` reads."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for pair in pairs:
            file.write(json.dumps(asdict(pair), ensure_ascii=False) + "\n")


def read_pairs(path: Path) -> list[PreferencePair]:
    """Pairs of a JSONL file. Raises `TextError`, naming the line, for one that is none, and where
    there is none at all."""
    found = [_pair(values, where) for where, values in read_objects(path)]
    if not found:
        raise TextError(f"{path}: holds no pair; each line is a JSON object")
    return found


def _pair(values: Mapping[str, Any], where: str) -> PreferencePair:
    examples = []
    for name in ("short", "long"):
        if not isinstance(values.get(name), dict):
            raise TextError(f"{where}: no pair of answers: needs {name!r}, an example")
        examples.append(example_of(values[name], f"{where}: {name}"))
    chosen, rejected = values.get("chosen"), values.get("rejected")
    # A policy that ends at once has said something wrong.
    if not (isinstance(chosen, str) and isinstance(rejected, str) and chosen):
        raise TextError(f"{where}: chosen and rejected must be texts, chosen not an empty one")
    return PreferencePair(examples[0], examples[1], chosen, rejected)
