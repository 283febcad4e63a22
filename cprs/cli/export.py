"""`cprs export critic`: the weights of an embedded critic, from a pretrained base."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cprs.cli.console import say

export_app = typer.Typer(no_args_is_help=True, help="Write a critic's weights.")


@export_app.callback()
def _export() -> None: ...


@export_app.command(
    epilog="""\b
Example:
  cprs export critic --out my-critic && cprs doctor
"""
)
def critic(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A folder for the weights.")],
    base: Annotated[
        str,
        typer.Option("--base", metavar="NAME", help="The pretrained encoder: a name or a folder."),
    ] = "all-MiniLM-L6-v2",
) -> None:
    """Export a pretrained encoder to int8. Needs pip install 'cprs[export]'."""
    from cprs.train.export import export_critic

    export_critic(base, out)
    say([("written", str(out))])
