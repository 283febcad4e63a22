"""`cprs l1`: its subcommands. What they need beyond the base is imported when one runs."""

from __future__ import annotations

import sys

import typer

from cprs.l1.cli.data import data_app
from cprs.l1.cli.demo import ablate, demo
from cprs.l1.cli.eval import evaluate
from cprs.l1.cli.export import export_app
from cprs.l1.cli.loong import loong_app
from cprs.l1.cli.pairs import pairs
from cprs.l1.cli.solopo import solopo
from cprs.l1.cli.train import sft, train

l1_app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich" if sys.stdout is not None and sys.stdout.isatty() else None,
    help="Train and evaluate a long-context reasoner, after QwenLong-L1.",
)


@l1_app.callback()
def _l1() -> None: ...


l1_app.command()(train)
l1_app.command()(sft)
l1_app.command()(pairs)
l1_app.command()(solopo)
l1_app.command()(demo)
l1_app.command()(ablate)
l1_app.command("eval")(evaluate)
l1_app.add_typer(loong_app, name="loong")
l1_app.add_typer(data_app, name="data")
l1_app.add_typer(export_app, name="export")
