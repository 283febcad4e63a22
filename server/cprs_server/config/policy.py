"""What is to be compressed and how far: said for a route or a key, capped for a key."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from cprs.effort import Effort
from cprs.hops import MOST
from cprs_server.config.section import Section
from cprs_server.planning.base import Mode


class Policy(Section):
    """Fields of `planning.base.Options`; None where nothing is said, so that the next one decides.

    A word alone is short for one field: a mode ("off", "auto", "always", "audit"), or "sticky".
    """

    mode: Mode | None = Field(
        default=None, description="When to compress: off, auto, always or audit."
    )
    instruction: str | None = Field(default=None, description="What to keep, in words.")
    query: str | None = Field(
        default=None, description="The question, where it is the same for all."
    )
    budget: int | None = Field(
        default=None, ge=1, description="Tokens that all compressed texts may have."
    )
    ratio: float | None = Field(
        default=None, ge=1, description="Tokens in / tokens out, 16 for a 16th."
    )
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="Least score of what is kept."
    )
    granularity: str | None = Field(
        default=None, description="Size of what is kept or dropped whole."
    )
    hops: int | None = Field(
        default=None, ge=1, le=MOST, description="Times to read on with what was found."
    )
    effort: Effort | None = Field(
        default=None, description="How much is read: fast, auto or thorough."
    )
    trigger: int | None = Field(
        default=None, ge=0, description="Prompt tokens above which auto acts."
    )
    least: int | None = Field(
        default=None, ge=0, description="Tokens below which a text is left alone."
    )
    sticky: bool | None = Field(
        default=None, description="A document stays as it was compressed first."
    )
    min_saving: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Least share of the prompt's cost that has to be saved.",
    )
    markers: bool | None = Field(
        default=None, description="Say in the text where something is left out."
    )
    system: bool | None = Field(default=None, description="Compress system prompts too.")

    @model_validator(mode="before")
    @classmethod
    def _word(cls, given: object) -> object:
        if given == "sticky":
            return {"sticky": True}
        # YAML 1.1 reads a bare `off` as false.
        return {"mode": given} if isinstance(given, str) or given is False else given

    @field_validator("mode", mode="before")
    @classmethod
    def _off(cls, given: object) -> object:
        return "off" if given is False else given

    def said(self) -> dict[str, Any]:
        """The fields that say something, as arguments of `Options`."""
        return self.model_dump(exclude_none=True)


class Caps(Section):
    """The most that a key's requests may ask for. None, empty: no bound."""

    modes: tuple[Mode, ...] = Field(default=(), description="The only modes a request may ask for.")
    budget: int | None = Field(default=None, ge=1, description="The largest budget, in tokens.")
    ratio: float | None = Field(default=None, ge=1, description="The highest ratio.")
    hops: int | None = Field(default=None, ge=1, description="The most hops.")
    effort: Effort | None = Field(default=None, description="The highest effort.")
    tokens: int | None = Field(default=None, ge=1, description="The longest prompt, in tokens.")

    @field_validator("modes", mode="before")
    @classmethod
    def _off(cls, given: object) -> object:
        if isinstance(given, list | tuple):
            return ["off" if mode is False else mode for mode in given]
        return given
