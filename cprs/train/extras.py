"""Libraries that only training needs, and critics that run on torch."""

from __future__ import annotations

from cprs import extras


def require(*modules: str, what: str = "training a critic", extra: str = "train") -> None:
    """Raise `OptionError`, naming what to install, unless all `modules` can be imported."""
    extras.require(*modules, what=what, install=f"'cprs[{extra}]'")
