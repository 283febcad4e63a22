"""What a million tokens cost where vendors publish it, in dollars.

List prices of July 2026 for prompts of the shorter tier, as https://models.dev collects them:
cached prefixes are weighed with them and savings estimated. `prices` of the settings replace what
is said here.
"""

from __future__ import annotations

from collections.abc import Mapping

from cprs_server.config.settings import Price
from cprs_server.names import family_name, look_up


def _price(prompt: float, cached: float | None, answer: float) -> Price:
    return Price(input=prompt, cached=cached, output=answer)


PRICES: tuple[tuple[str, Price], ...] = (
    ("gpt-5.5-pro*", _price(30, None, 180)),
    ("gpt-5.5*", _price(5, 0.5, 30)),
    ("gpt-5.4-pro*", _price(30, None, 180)),
    ("gpt-5.4-mini*", _price(0.75, 0.075, 4.5)),
    ("gpt-5.4-nano*", _price(0.2, 0.02, 1.25)),
    ("gpt-5.4*", _price(2.5, 0.25, 15)),
    ("gpt-5.2-pro*", _price(21, None, 168)),
    ("gpt-5.[23]*", _price(1.75, 0.175, 14)),
    ("gpt-5.1-codex-mini*", _price(0.25, 0.025, 2)),
    ("gpt-5.1*", _price(1.25, 0.125, 10)),
    ("gpt-5-pro*", _price(15, None, 120)),
    ("gpt-5-mini*", _price(0.25, 0.025, 2)),
    ("gpt-5-nano*", _price(0.05, 0.005, 0.4)),
    ("gpt-5-codex*", _price(1.25, 0.125, 10)),
    ("gpt-5-chat*", _price(1.25, 0.125, 10)),
    ("gpt-5", _price(1.25, 0.125, 10)),
    ("gpt-5-20*", _price(1.25, 0.125, 10)),
    ("gpt-4.1-mini*", _price(0.4, 0.1, 1.6)),
    ("gpt-4.1-nano*", _price(0.1, 0.025, 0.4)),
    ("gpt-4.1*", _price(2, 0.5, 8)),
    ("gpt-4o-mini*", _price(0.15, 0.075, 0.6)),
    ("gpt-4o-2024-05-13", _price(5, None, 15)),
    ("gpt-4o*", _price(2.5, 1.25, 10)),
    ("gpt-4-turbo*", _price(10, None, 30)),
    ("gpt-4", _price(30, None, 60)),
    ("gpt-3.5-turbo*", _price(0.5, None, 1.5)),
    ("o1-pro*", _price(150, None, 600)),
    ("o1", _price(15, 7.5, 60)),
    ("o3-mini*", _price(1.1, 0.55, 4.4)),
    ("o3-pro*", _price(20, None, 80)),
    ("o3-deep-research*", _price(10, 2.5, 40)),
    ("o3*", _price(2, 0.5, 8)),
    ("o4-mini-deep-research*", _price(2, 0.5, 8)),
    ("o4-mini*", _price(1.1, 0.275, 4.4)),
    ("text-embedding-3-large", _price(0.13, None, 0)),
    ("text-embedding-3-small", _price(0.02, None, 0)),
    ("*claude-fable-5*", _price(10, 1, 50)),
    ("*claude-opus-4-[5678]*", _price(5, 0.5, 25)),
    ("*claude-opus-4*", _price(15, 1.5, 75)),
    ("*claude-3-opus*", _price(15, 1.5, 75)),
    ("*claude-sonnet-5*", _price(2, 0.2, 10)),
    ("*claude*sonnet*", _price(3, 0.3, 15)),
    ("*claude-haiku-4*", _price(1, 0.1, 5)),
    ("*claude-3-haiku*", _price(0.25, 0.03, 1.25)),
    ("gemini-3.5-flash*", _price(1.5, 0.15, 9)),
    ("gemini-3.1-flash-lite*", _price(0.25, 0.025, 1.5)),
    ("gemini-3-flash*", _price(0.5, 0.05, 3)),
    ("gemini-3*-pro-image*", _price(2, None, 120)),
    ("gemini-3*-pro*", _price(2, 0.2, 12)),
    ("gemini-2.5-pro*", _price(1.25, 0.125, 10)),
    ("gemini-2.5-flash-lite*", _price(0.1, 0.01, 0.4)),
    ("gemini-2.5-flash", _price(0.3, 0.03, 2.5)),
    ("deepseek-v4-pro*", _price(0.435, 0.003625, 0.87)),
    ("deepseek-v4-flash*", _price(0.14, 0.0028, 0.28)),
    ("deepseek-chat", _price(0.14, 0.0028, 0.28)),
    ("deepseek-reasoner", _price(0.14, 0.0028, 0.28)),
    ("mistral-large-2411", _price(2, None, 6)),
    ("mistral-large*", _price(0.5, None, 1.5)),
    ("mistral-medium-2604", _price(1.5, None, 7.5)),
    ("mistral-medium*", _price(0.4, None, 2)),
    ("mistral-small*", _price(0.15, None, 0.6)),
    ("codestral*", _price(0.3, None, 0.9)),
    ("grok-build*", _price(1, 0.2, 2)),
    ("grok-4.[23]*", _price(1.25, 0.2, 2.5)),
    ("kimi-k2.7-code-highspeed*", _price(1.9, 0.38, 8)),
    ("kimi-k2.7*", _price(0.95, 0.19, 4)),
    ("kimi-k2.6*", _price(0.95, 0.16, 4)),
    ("kimi-k2.5*", _price(0.6, 0.1, 3)),
    ("glm-5.[12]*", _price(1.4, 0.26, 4.4)),
    ("glm-5-turbo*", _price(1.2, 0.24, 4)),
    ("glm-5", _price(1, 0.2, 3.2)),
    ("glm-4.[67]", _price(0.6, 0.11, 2.2)),
    ("minimax-m3*", _price(0.3, 0.06, 1.2)),
    ("minimax-m2.7", _price(0.3, 0.06, 1.2)),
    ("command-a*", _price(2.5, None, 10)),
    ("command-r7b*", _price(0.0375, None, 0.15)),
    ("command-r-plus*", _price(2.5, None, 10)),
    ("command-r*", _price(0.15, None, 0.6)),
    ("qwen3.7-max*", _price(2.5, 0.5, 7.5)),
    ("qwen3.[67]-plus*", _price(0.5, 0.05, 3)),
)


def price_of(model: str, own: Mapping[str, Price] | None = None) -> Price | None:
    """What a model's tokens cost, or None. `own` patterns are matched against the name as it is
    and come first."""
    return look_up(model, (own or {}).items()) or look_up(family_name(model), PRICES)
