"""`cprs export critic`: the weights of an embedded critic, from a pretrained base."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cprs.cli.console import say
from cprs.train.export.critic import PACKAGE, export_critic
from cprs.train.export.reasoner import WEIGHTS, export_reasoner

export_app = typer.Typer(no_args_is_help=True, help="Write a critic's weights.")


@export_app.callback()
def _export() -> None: ...


@export_app.command(
    epilog="""\b
Example:
  cprs export critic --out my-critic
  cprs export critic --base trained --out my-critic
  cprs compress report.txt -q "Who?" --critic my-critic
"""
)
def critic(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A folder for the weights.")],
    base: Annotated[
        str,
        typer.Option(
            "--base",
            metavar="BASE",
            help="A folder with a BERT model, a trained critic, or the package.",
        ),
    ] = PACKAGE,
) -> None:
    """Export a pretrained encoder, or a critic of `cprs train`, to int8.

    Needs pip install 'cprs[export]'.
    """
    if (Path(base) / WEIGHTS).is_file():
        trained = export_reasoner(Path(base), out)
        say(
            [
                ("written", f"{trained.folder} ({trained.bytes / 2**20:.1f} MB of layers)"),
                (
                    "int8",
                    f"{100 * trained.agreement:.2f} % of {trained.tokens} tags as in float32, "
                    f"log-odds {trained.difference:.4f} apart",
                ),
                ("use", f"cprs compress --critic {trained.folder} ..."),
            ]
        )
        return
    done = export_critic(base, out)
    say(
        [
            ("written", f"{done.folder} ({done.bytes / 2**20:.1f} MB)"),
            (
                "int8",
                f"cosine to the original {done.mean_cosine:.4f}, least {done.least_cosine:.4f}",
            ),
            ("use", f"cprs compress --critic {done.folder} ..."),
        ]
    )
