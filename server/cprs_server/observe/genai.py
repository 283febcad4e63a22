"""A finished request in the names of OpenTelemetry's semantic conventions for generative AI."""

from __future__ import annotations

from cprs_server.observe.record import Record
from cprs_server.observe.tracing import Value

OPERATIONS = {
    "chat": "chat",
    "responses": "chat",
    "messages": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
}
"""`gen_ai.operation.name` by form."""

_PROVIDERS = (("claude", "anthropic"), ("gemini", "gcp.gemini"), ("deepseek", "deepseek"))
_MORE_PROVIDERS = (("mistral", "mistral_ai"), ("grok", "x_ai"), ("command", "cohere"))


def provider(record: Record) -> str:
    """`gen_ai.provider.name`: by the model's family, else by the API that is spoken."""
    name = record.model.lower().rsplit("/", 1)[-1]
    for prefix, said in (*_PROVIDERS, *_MORE_PROVIDERS):
        if name.startswith(prefix):
            return said
    return "anthropic" if record.form in ("messages", "count_tokens") else "openai"


def attributes(record: Record, *, model: str) -> dict[str, Value]:
    """The attributes that spans and metrics share; of few values each, given a bounded `model`."""
    told: dict[str, Value] = {
        "gen_ai.operation.name": OPERATIONS.get(record.form, record.form or "other"),
        "gen_ai.provider.name": provider(record),
    }
    if model:
        told["gen_ai.request.model"] = model
    if record.error:
        told["error.type"] = record.error
    elif record.status >= 400:
        told["error.type"] = str(record.status)
    return told


def figures(record: Record) -> dict[str, Value]:
    """What only a span holds."""
    told: dict[str, Value | None] = {
        "http.route": record.endpoint,
        "http.response.status_code": record.status,
        "gen_ai.usage.input_tokens": record.usage_in,
        "gen_ai.usage.output_tokens": record.usage_out,
        "cprs.decision": record.decision or None,
        "cprs.reason": record.reason or None,
        "cprs.tokens.before": record.tokens_in or None,
        "cprs.tokens.after": record.tokens_out if record.tokens_in else None,
        "cprs.tokens.exact": record.exact if record.tokens_in else None,
        "cprs.upstream": record.upstream or None,
        "cprs.upstream.status": record.upstream_status,
    }
    told.update({f"cprs.seconds.{name}": value for name, value in record.stages.items()})
    return {name: value for name, value in told.items() if value is not None}
