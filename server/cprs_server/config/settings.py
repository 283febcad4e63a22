"""The settings of the proxy: every key of `cprs.yaml`, with its default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    ByteSize,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    model_validator,
)

from cprs.engine.cores import cores
from cprs_server.config.checks import base_url, digest, header, word
from cprs_server.config.policy import Caps, Policy
from cprs_server.config.section import Section

EXTRACT = "extract"
"""The built-in upstream: it answers with the evidence itself."""

FormName = Literal[
    "chat", "completions", "responses", "messages", "count_tokens", "embeddings", "models", "other"
]
Name = Annotated[str, AfterValidator(word)]
Size = Annotated[ByteSize, Field(gt=0)]
Header = Annotated[str, AfterValidator(header)]


class Upstream(Section):
    """Where requests go. `url` is what an SDK would be given as its base URL."""

    url: Annotated[str, AfterValidator(base_url)] = Field(
        description="Base URL, such as https://api.openai.com/v1 or https://api.anthropic.com."
    )
    v1: bool | None = Field(
        default=None,
        description="Whether paths below the URL begin with /v1. By default they do unless the "
        "URL itself names a version.",
    )
    api_key: SecretStr | None = Field(
        default=None,
        description="Sent instead of the client's own key, which otherwise passes through.",
    )
    auth: Literal["bearer", "x-api-key", "none"] = Field(
        default="bearer",
        description="How api_key is sent. none: no key is sent, the client's neither.",
    )
    headers: dict[Header, SecretStr] = Field(default={}, description="Sent with every request.")
    connect_timeout: PositiveFloat = Field(
        default=5, description="Seconds until there is a connection."
    )
    first_byte_timeout: PositiveFloat = Field(
        default=600, description="Seconds until an answer begins."
    )
    fallbacks: tuple[str, ...] = Field(
        default=(), description="Upstreams to try when this one fails."
    )
    retries: NonNegativeInt = Field(default=0, le=10, description="Attempts after the first.")


class Route(Section):
    """Which models go where. The first route that matches is taken."""

    models: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] = Field(
        description='Patterns of model names, such as "gpt-*"; "*" is every model.'
    )
    forms: tuple[FormName, ...] | None = Field(
        default=None, description="Only these kinds of request."
    )
    upstream: str = Field(description='Name of an upstream, or "extract", which is built in.')
    rename: str | None = Field(
        default=None,
        min_length=1,
        description="The upstream's name of the model; {model} is the client's.",
    )
    window: PositiveInt | None = Field(
        default=None, description="The model's context window, in tokens."
    )
    tokenizer: str | None = Field(
        default=None,
        min_length=1,
        description="A model's name or a tokenizer.json to count tokens by.",
    )
    critic: Annotated[str, Field(min_length=1)] = Field(
        default="embedded", description="The critic that decides what is kept (see cprs critics)."
    )
    reasoner: Literal["l1"] | None = Field(
        default=None,
        description="The model thinks before it answers. l1: it is asked in the words QwenLong-L1 "
        "was trained with, and its thinking is told apart from its answer (chat and messages).",
    )
    answer_only: bool = Field(
        default=False,
        description='Of a reasoner\'s answer, hand over only what stands behind "the answer is".',
    )
    policy: Policy = Field(default=Policy(), description="Replaces what the policy above says.")


class Key(Section):
    """A client's key, of which only the hash is known."""

    name: Name = Field(description="Shown in logs and metrics.")
    sha256: Annotated[str, AfterValidator(digest)] = Field(
        description="SHA-256 of the key, in hex. `cprs config key` makes both."
    )
    upstream: str | None = Field(default=None, description="The only upstream its requests go to.")
    policy: Policy = Field(default=Policy(), description="Replaces what policy and route say.")
    max: Caps = Field(default=Caps(), description="The most its requests may ask for.")
    requests_per_minute: PositiveInt | None = Field(
        default=None, description="More are refused (429)."
    )
    tokens_per_minute: PositiveInt | None = Field(
        default=None, description="More are refused (429)."
    )


class Limits(Section):
    """Bounds on what one proxy takes on."""

    body_bytes: Size = Field(
        default=ByteSize(64 << 20), description="Longest request body, unpacked."
    )
    header_bytes: Size = Field(default=ByteSize(64 << 10), description="Longest head of a request.")
    queue: NonNegativeInt = Field(default=64, description="Compressions that may wait.")
    running: PositiveInt = Field(
        default_factory=cores,
        description="Compressions at a time. By default as many as there are cores.",
    )
    deadline: PositiveFloat = Field(default=120, description="Seconds a compression may take.")
    drain: NonNegativeFloat = Field(
        default=30, description="Seconds that requests get to end on SIGTERM."
    )


class Store(Section):
    """What is kept of compressions, so that dropped text can be got back."""

    ttl: PositiveFloat = Field(default=900, description="Seconds that it is kept.")
    bytes: Size = Field(default=ByteSize(256 << 20), description="Memory it may take.")


class Log(Section):
    """What is logged, to standard error."""

    content: bool = Field(default=False, description="Log texts of requests and answers too.")
    format: Literal["json", "text"] | None = Field(
        default=None,
        description="One JSON object a line, or text. By default text on a terminal, else JSON.",
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level."
    )


class Tracing(Section):
    """OpenTelemetry, which needs `cprs[otel]`."""

    endpoint: Annotated[str, AfterValidator(base_url)] | None = Field(
        default=None, description="OTLP over HTTP, such as http://localhost:4318. None: no traces."
    )
    sample: float = Field(default=1.0, ge=0, le=1, description="Share of requests that are traced.")


class Price(Section):
    """Dollars for a million tokens."""

    input: NonNegativeFloat = Field(description="Of prompt.")
    cached: NonNegativeFloat | None = Field(
        default=None, description="Of prompt read from the cache."
    )
    output: NonNegativeFloat | None = Field(default=None, description="Of answer.")


class Settings(Section):
    """All of it. Consistent: every upstream that is named exists."""

    host: Annotated[str, Field(min_length=1)] = Field(
        default="127.0.0.1", description="Address to listen on; 0.0.0.0 is every one."
    )
    port: int = Field(
        default=8788, ge=0, le=65535, description="Port to listen on; 0 is any free one."
    )
    upstreams: dict[Name, Upstream] = Field(
        default={}, description="Where requests may go, by name."
    )
    routes: tuple[Route, ...] = Field(
        default=(),
        description="Which models go where. None: all to the one upstream, or to extract.",
    )
    policy: Policy = Field(default=Policy(), description="What is compressed, when and how far.")
    keys: tuple[Key, ...] = Field(
        default=(), description="Clients' keys. None: no key is asked for."
    )
    limits: Limits = Field(default=Limits(), description="Bounds.")
    store: Store = Field(default=Store(), description="What is kept of compressions.")
    retrieve_tool: bool = Field(
        default=False, description="Offer models a tool that gets dropped text back, answered here."
    )
    log: Log = Field(default=Log(), description="Logging.")
    tracing: Tracing = Field(default=Tracing(), description="OpenTelemetry.")
    cors: tuple[str, ...] = Field(default=(), description="Origins that browsers may call from.")
    shadow: float = Field(
        default=0.0, ge=0, le=1, description="Share of requests answered both ways, to compare."
    )
    prices: dict[str, Price] = Field(default={}, description="Prices by pattern of model name.")
    windows: dict[str, PositiveInt] = Field(
        default={}, description="Context windows by pattern of model name."
    )

    @property
    def critic(self) -> str:
        """The critic of what is on no route: the first route's."""
        return self.routes[0].critic if self.routes else "embedded"

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        wrong = list(_inconsistent(self))
        if wrong:
            raise ValueError("\n".join(wrong))
        return self


def _inconsistent(settings: Settings) -> Iterator[str]:
    """What does not fit together, each line beginning with its key."""
    if EXTRACT in settings.upstreams:
        yield f"upstreams.{EXTRACT}: the name is taken by the built-in upstream; use another"
    known = (EXTRACT, *settings.upstreams)
    for number, route in enumerate(settings.routes):
        if route.upstream not in known:
            yield f"routes[{number}].upstream: {_unknown(route.upstream, known)}"
    for number, key in enumerate(settings.keys):
        if key.upstream is not None and key.upstream not in known:
            yield f"keys[{number}].upstream: {_unknown(key.upstream, known)}"
    for name, upstream in settings.upstreams.items():
        for number, other in enumerate(upstream.fallbacks):
            if other not in settings.upstreams:
                where = f"upstreams.{name}.fallbacks[{number}]"
                yield f"{where}: {_unknown(other, tuple(settings.upstreams))}"
            elif other == name:
                yield f"upstreams.{name}.fallbacks[{number}]: an upstream is no fallback of itself"
    if len(settings.upstreams) > 1 and not settings.routes:
        yield "routes: with several upstreams, routes must say which models go where"
    for field in ("name", "sha256"):
        seen = [getattr(key, field) for key in settings.keys]
        for number, value in enumerate(seen):
            if value in seen[:number]:
                yield f"keys[{number}].{field}: the same as of keys[{seen.index(value)}]"


def _unknown(name: str, known: tuple[str, ...]) -> str:
    return f"no upstream is named {name!r}; known: {', '.join(known)}"
