"""What a client may want of a compression, as the fields of a request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cprs import Decoding
from cprs.hops import MOST
from cprs_server.errors import ProxyError
from cprs_server.incoming import Incoming
from cprs_server.live import Live
from cprs_server.planning.base import Options
from cprs_server.planning.options import merge
from cprs_server.running.base import Job
from cprs_server.windows import tokenizer_of

_MODEL = re.compile(r"[A-Za-z0-9][\w.:@-]*(/[\w.:@-]+){0,3}")

CRITIC = "A critic that the configuration names; by default that of its first route."

_GUIDANCE = (
    "instruction",
    "query",
    "budget",
    "ratio",
    "threshold",
    "granularity",
    "hops",
    "effort",
)


class Wanted(BaseModel):
    """Guidance and limits; with neither budget, ratio nor threshold the critic decides."""

    model_config = ConfigDict(extra="forbid", strict=True)

    query: str | None = Field(default=None, description="What is to be answered from the text.")
    instruction: str | None = Field(default=None, description="What to keep, in words.")
    budget: int | None = Field(default=None, ge=1, description="Tokens to keep at most.")
    ratio: float | None = Field(
        default=None, ge=1, description="Tokens in / tokens out: 16 keeps a sixteenth."
    )
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="Least score of what is kept."
    )
    granularity: str | None = Field(
        default=None, description='What is kept or dropped whole: "sentence", "line", ...'
    )
    hops: int | None = Field(
        default=None, ge=1, le=MOST, description="Times to read on with what was found."
    )
    effort: str | None = Field(
        default=None, description="How much is read: fast, auto or thorough."
    )
    model: str | None = Field(
        default=None, description="The model whose tokens count; the critic's by default."
    )

    def guidance(self) -> dict[str, Any]:
        """The fields that a policy and caps are about."""
        return {name: getattr(self, name) for name in _GUIDANCE}


def options_of(
    wanted: dict[str, Any], asked: Incoming, live: Live, *, guided: bool = True
) -> Options:
    """What a client wants, within what its key may have. `guided`: it must say what to keep.

    Raises `ProxyError` (400, 403).
    """
    key = asked.key
    policy = {**live.settings.policy.said(), **(key.policy.said() if key else {})}
    if any(wanted.get(name) is not None for name in ("ratio", "threshold")):
        policy.pop("budget", None)
    if wanted.get("budget") is not None:
        policy.pop("ratio", None)
    if wanted.get("budget") is not None and wanted.get("ratio") is not None:
        raise ProxyError(
            400, "give budget or ratio, not both: each fixes the length", code="invalid_option"
        )
    options = merge(policy, body=wanted, caps=key.max if key else None)
    if guided and not options.query and not options.instruction:
        raise ProxyError(
            400,
            "there is nothing to go by: give a query (what is to be answered) or an instruction "
            "(what to keep)",
            code="no_query",
        )
    return options


def job_of(
    texts: Sequence[str],
    options: Options,
    *,
    model: str | None = None,
    formats: Sequence[str | None] = (),
    names: Sequence[str] = (),
    critic: str,
    decoding: Decoding | None = None,
) -> Job:
    """Texts to compress under `options`."""
    return Job(
        texts=tuple(texts),
        query=options.query or "",
        options=replace(options, ratio=None) if options.budget is not None else options,
        tokenizer=tokenizer_named(model) if model else "",
        budget=options.budget,
        formats=tuple(formats),
        names=tuple(names),
        critic=critic,
        decoding=decoding,
    )


def tokenizer_named(model: str) -> str:
    """The tokenizer of a model that a client names. Files are for the configuration alone to name.

    Raises `ProxyError` (400).
    """
    if not _MODEL.fullmatch(model) or ".." in model or model.endswith(".json"):
        raise ProxyError(
            400,
            "model must be a model's name, such as gpt-4o or Qwen/Qwen2.5-7B-Instruct",
            code="invalid_model",
        )
    return tokenizer_of(model)
