"""Errors of this package, one line each: what is wrong, where, what to do."""

from __future__ import annotations


class KernelError(Exception):
    """Base of every error this package raises on purpose."""


class ShapeError(KernelError, ValueError):
    """Tensors do not fit together: shapes, dtypes or devices."""


class UnavailableError(KernelError, RuntimeError):
    """The implementation that was asked for cannot run here."""
