"""Context windows and tokenizers of well-known model families.

Windows are what vendors said in July 2026, as https://models.dev collects it. Where a vendor
bounds the prompt apart from the answer, the bound on the prompt stands here, and where members of
a family differ or the name is only known to belong to it, the least: a prompt that is cut too
short is answered, one that is too long is refused. `windows` and `routes` of the settings replace
what is said here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cprs_server.names import family_name, look_up

_O200K, _CL100K, _HARMONY = "o200k_base", "cl100k_base", "o200k_harmony"


@dataclass(frozen=True, slots=True)
class Family:
    """`window` in tokens; `tokenizer` as `cprs.tokens.counter_for` knows it, "" where it is not
    public: then counts are estimates."""

    window: int
    tokenizer: str = ""


_K = 1_000
FAMILIES: tuple[tuple[str, Family], ...] = (
    ("gpt-5*-chat*", Family(128 * _K, _O200K)),
    ("gpt-5.3-codex-spark*", Family(100 * _K, _O200K)),
    ("gpt-5.4-mini*", Family(272 * _K, _O200K)),
    ("gpt-5.4-nano*", Family(272 * _K, _O200K)),
    ("gpt-5.[45]*", Family(922 * _K, _O200K)),
    ("gpt-5*", Family(272 * _K, _O200K)),
    ("gpt-4.1*", Family(1_047_576, _O200K)),
    ("gpt-4.5*", Family(128 * _K, _O200K)),
    ("gpt-4o*", Family(128 * _K, _O200K)),
    ("chatgpt-4o*", Family(128 * _K, _O200K)),
    ("gpt-4-turbo*", Family(128 * _K, _CL100K)),
    ("gpt-4-*-preview", Family(128 * _K, _CL100K)),
    ("gpt-4-32k*", Family(32_768, _CL100K)),
    ("gpt-4*", Family(8_192, _CL100K)),
    ("gpt-3.5-turbo-instruct*", Family(4_096, _CL100K)),
    ("gpt-3.5*", Family(16_385, _CL100K)),
    ("gpt-oss*", Family(128 * _K, _HARMONY)),
    ("o1-mini*", Family(128 * _K, _O200K)),
    ("o1-preview*", Family(128 * _K, _O200K)),
    ("o[134]", Family(200 * _K, _O200K)),
    ("o[134]-*", Family(200 * _K, _O200K)),
    ("text-embedding-*", Family(8_191, _CL100K)),
    ("*claude-opus-4-[678]*", Family(1_000 * _K)),
    ("*claude-sonnet-4-6*", Family(1_000 * _K)),
    ("*claude-sonnet-5*", Family(1_000 * _K)),
    ("*claude-fable-5*", Family(1_000 * _K)),
    ("*claude*", Family(200 * _K)),
    ("gemini-*-image*", Family(32_768)),
    ("gemini-*-tts*", Family(8_192)),
    ("gemini-embedding*", Family(2_048)),
    ("gemini-*", Family(1_048_576)),
    ("gemma-4*", Family(262_144)),
    ("gemma-3*", Family(128 * _K)),
    ("gemma-2*", Family(8_192)),
    ("deepseek-v4*", Family(1_000 * _K)),
    ("deepseek-chat", Family(1_000 * _K)),
    ("deepseek-reasoner", Family(1_000 * _K)),
    ("deepseek*", Family(128 * _K)),
    ("mistral-large-2411*", Family(131_072)),
    ("mistral-large*", Family(262_144)),
    ("mistral-medium-2505*", Family(131_072)),
    ("mistral-medium*", Family(262_144)),
    ("mistral-small-2506*", Family(128 * _K)),
    ("mistral-small*", Family(128 * _K)),
    ("mistral-nemo*", Family(128 * _K)),
    ("codestral*", Family(256 * _K)),
    ("devstral*", Family(128 * _K)),
    ("magistral*", Family(128 * _K)),
    ("ministral*", Family(128 * _K)),
    ("pixtral*", Family(128 * _K)),
    ("open-mixtral-8x22b*", Family(64 * _K)),
    ("open-mixtral*", Family(32 * _K)),
    ("grok-build*", Family(256 * _K)),
    ("grok-4.[23]*", Family(1_000 * _K)),
    ("grok-4*", Family(256 * _K)),
    ("grok-*", Family(131_072)),
    ("kimi-k2-0711*", Family(131_072)),
    ("kimi-k2*", Family(262_144)),
    ("glm-5.2*", Family(1_000 * _K)),
    ("glm-5*", Family(200 * _K)),
    ("glm-4.6v*", Family(128 * _K)),
    ("glm-4.[67]*", Family(200 * _K)),
    ("glm-4.5v*", Family(64 * _K)),
    ("glm-4.5*", Family(131_072)),
    ("minimax-m3*", Family(1_000 * _K)),
    ("minimax-m2", Family(196_608)),
    ("minimax-m2*", Family(204_800)),
    ("command-a-vision*", Family(128 * _K)),
    ("command-a-translate*", Family(8_000)),
    ("command-a*", Family(256 * _K)),
    ("command-r*", Family(128 * _K)),
    ("nova-2-*", Family(128 * _K)),
    ("nova-micro*", Family(128 * _K)),
    ("nova-*", Family(300 * _K)),
    ("qwen-max*", Family(32_768)),
    ("qwen-plus*", Family(131_072)),
    ("qwen3.[567]-plus*", Family(1_000 * _K)),
    ("qwen3.[567]-flash*", Family(1_000 * _K)),
    ("qwen3.7-max*", Family(1_000 * _K)),
    ("qwen3.[567]*", Family(262_144)),
    ("qwen3-coder-plus*", Family(1_000 * _K)),
    ("qwen3-coder-flash*", Family(1_000 * _K)),
    ("qwen3-coder*", Family(262_144)),
    ("qwen3-max*", Family(262_144)),
    ("qwen3-next*", Family(131_072)),
    ("qwen3*", Family(32_768)),
    ("qwen2[.-]5*", Family(32_768)),
    ("qwq*", Family(131_072)),
    ("llama-4*", Family(128 * _K)),
    ("llama4*", Family(128 * _K)),
    ("llama-3[.-][123]*", Family(128 * _K)),
    ("llama3[.-][123]*", Family(128 * _K)),
    ("meta-llama-3[.-][123]*", Family(128 * _K)),
    ("llama-3*", Family(8_192)),
    ("llama3*", Family(8_192)),
    ("meta-llama-3*", Family(8_192)),
)

UNKNOWN = "unknown"
"""A tokenizer of this name estimates."""

_REPOSITORY = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)?")


def window_of(model: str, own: Mapping[str, int] | None = None) -> int | None:
    """The context window of a model, in tokens, or None. `own` patterns are matched against the
    name as it is and come first."""
    found = look_up(model, (own or {}).items())
    if found is not None:
        return found
    family = look_up(family_name(model), FAMILIES)
    return family.window if family else None


def tokenizer_of(model: str) -> str:
    """A name for `cprs.tokens.counter_for`: of the family's tokenizer, or the model's own name,
    under which one may lie on this machine. Never a path: clients choose model names."""
    family = look_up(family_name(model), FAMILIES)
    if family is not None and family.tokenizer:
        return family.tokenizer
    name = model.split(":", 1)[0]
    if not _REPOSITORY.fullmatch(name) or ".." in name or name.endswith(".json"):
        return UNKNOWN
    return UNKNOWN if Path(name).exists() else name
