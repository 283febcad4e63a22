"""A plan: which ranges of which texts are to be compressed, by which query, to how much and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Mode = Literal["off", "auto", "always", "audit"]
Decision = Literal["compress", "forward", "refuse"]


@dataclass(frozen=True, slots=True)
class Options:
    """What a route, a key and a request want, already merged and capped. None: not said.

    `mode` "auto" compresses above `trigger` tokens or where the target's context window would
    overflow, "always" whatever is long enough to, "audit" plans and measures but forwards the
    original. `least`: tokens below which a text is left alone. `ratio` is tokens in ÷ tokens out.
    `sticky`: a document keeps its compressed form for the rest of a conversation. `min_saving`: the
    least share of the whole prompt's cost to be saved. `markers` say in the text where something
    was left out. `system`: may system prompts be compressed too?
    """

    mode: Mode = "auto"
    instruction: str | None = None
    query: str | None = None
    budget: int | None = None
    ratio: float | None = None
    threshold: float | None = None
    granularity: str | None = None
    hops: int = 1
    effort: str = "auto"
    trigger: int = 16_000
    least: int = 1_000
    sticky: bool = False
    min_saving: float = 0.1
    markers: bool = False
    system: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """The model that will read it: `model` as its upstream calls it, its context `window` in
    tokens (None: not known), `tokenizer` as `cprs.tokens.counter_for` knows it, and what a million
    prompt tokens cost, cached ones too, where that is known."""

    model: str
    window: int | None
    tokenizer: str
    price: float | None = None
    cached_price: float | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Code points [start, end) of text number `text` of the conversation, to be compressed under
    `query`. `tokens`: the target's. `format`: for `cprs`, None to detect. `name`: for detection.
    `kept`: its compressed form from before, to be used as it is; None: to be compressed. `key`:
    what to remember the form under (`Planner.remember`)."""

    text: int
    start: int
    end: int
    query: str
    tokens: int
    format: str | None = None
    name: str = ""
    kept: str | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What should happen to a request.

    `reason` is a stable word: "below_trigger", "mode_off", "no_query", "nothing_compressible",
    "cached_prefix", "min_saving", "over_window", "over_trigger", "asked", "audit", "continues",
    "over_window_uncompressible", "needs_whole_text" (a translation, or a summary that fits). An
    audit forwards; its pieces are measured. `budget`: tokens for all pieces together that are not
    kept from before, as the target counts; None where a ratio or threshold of `options` decides.
    `tokens_in`: of the whole prompt; `exact`: whether that is a count or an estimate, which errs
    high. `room`: tokens of prompt that fit the
    target's window beside its answer, None where its window is not known. `discount`: tokens that
    count at a cached token's price in what is saved (`savings.Saving`). `notes`: for people.
    """

    decision: Decision
    reason: str
    options: Options
    target: Target
    pieces: tuple[Piece, ...] = ()
    budget: int | None = None
    tokens_in: int = 0
    exact: bool = True
    room: int | None = None
    discount: int = 0
    notes: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
