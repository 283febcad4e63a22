"""Libraries that only training needs."""

from __future__ import annotations

import importlib.util

from cprs.errors import OptionError


def require(*modules: str, what: str = "training a critic") -> None:
    """Raise `OptionError`, naming what to install, unless all `modules` can be imported."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise OptionError(f"{what} needs {', '.join(missing)}; run: pip install 'cprs[train]'")
