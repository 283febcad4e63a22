"""`cprs l1`: its subcommands. What they need beyond the base is imported when one runs."""

from __future__ import annotations

import sys

import typer

l1_app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich" if sys.stdout is not None and sys.stdout.isatty() else None,
    help="Train and evaluate a long-context reasoner, after QwenLong-L1.",
)


@l1_app.callback()
def _l1() -> None: ...
