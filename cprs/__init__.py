"""cprs: query-guided context compression. `Compressor` is where to start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cprs._version import __version__

if TYPE_CHECKING:
    from cprs.assemble import Span
    from cprs.compressor import Compressor
    from cprs.critics.base import Scorer, TokenCritic, TokenScores
    from cprs.decode import Decoding
    from cprs.engine.cache import StateCache
    from cprs.errors import (
        BudgetError,
        Cancelled,
        CprsError,
        OptionError,
        TextError,
        WeightsError,
    )
    from cprs.guidance import Guidance
    from cprs.result import Compressed, Progress
    from cprs.units import Layout, Unit, Units
    from cprs.windows import Encoded, Window

# Names are imported when first used: `import cprs` stays quick.
_HOMES = {
    "BudgetError": "errors",
    "Cancelled": "errors",
    "Compressed": "result",
    "Compressor": "compressor",
    "CprsError": "errors",
    "Decoding": "decode",
    "Encoded": "windows",
    "Guidance": "guidance",
    "Layout": "units",
    "OptionError": "errors",
    "Progress": "result",
    "Scorer": "critics.base",
    "Span": "assemble",
    "StateCache": "engine.cache",
    "TextError": "errors",
    "TokenCritic": "critics.base",
    "TokenScores": "critics.base",
    "Unit": "units",
    "Units": "units",
    "WeightsError": "errors",
    "Window": "windows",
}

__all__ = [
    "BudgetError",
    "Cancelled",
    "Compressed",
    "Compressor",
    "CprsError",
    "Decoding",
    "Encoded",
    "Guidance",
    "Layout",
    "OptionError",
    "Progress",
    "Scorer",
    "Span",
    "StateCache",
    "TextError",
    "TokenCritic",
    "TokenScores",
    "Unit",
    "Units",
    "WeightsError",
    "Window",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cprs' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"cprs.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
