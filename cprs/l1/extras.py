"""Libraries that only training a policy needs."""

from __future__ import annotations

from cprs import extras


def require(*modules: str, what: str = "training a policy", install: str = "'cprs[l1]'") -> None:
    """Raise `OptionError`, naming what to install, unless all `modules` can be imported."""
    extras.require(*modules, what=what, install=install)
