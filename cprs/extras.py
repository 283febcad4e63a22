"""Libraries and devices that a part of cprs needs and the base does not."""

from __future__ import annotations

import importlib.util

from cprs.errors import OptionError


def require(*modules: str, what: str, install: str) -> None:
    """Raise `OptionError`, naming what to `install`, unless all `modules` can be imported."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise OptionError(f"{what} needs {', '.join(missing)}; run: pip install {install}")


def torch_device(name: str) -> str:
    """What `name`, which may be "auto", stands for: "cpu" or "cuda". Raises `OptionError` for a
    device that is not here."""
    import torch

    there = torch.cuda.is_available()
    known = ["auto", "cpu", *(["cuda"] if there else [])]
    if name not in known:
        raise OptionError(f"device {name!r} is not here; known: {', '.join(known)}")
    return ("cuda" if there else "cpu") if name == "auto" else name
