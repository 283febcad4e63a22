"""`cprs train critic`: learn reasoning layers from question sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from cprs.cli.console import say
from cprs.cli.output import write_stdout

if TYPE_CHECKING:
    from cprs.train.reason.loop import Step

train_app = typer.Typer(no_args_is_help=True, help="Train a critic.")


@train_app.callback()
def _train() -> None: ...


@train_app.command(
    epilog="""\b
Example:
  cprs train critic --data sets --out my-critic
  cprs train critic --data sets --out my-critic --resume
  cprs eval critic --data sets/dev --critic my-critic --critic embedded
"""
)
def critic(
    data: Annotated[
        Path,
        typer.Option("--data", metavar="DIR", help="Question sets, in it or in its train/."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A folder for the critic.")],
    base: Annotated[
        str, typer.Option("--base", metavar="NAME|PATH", help="minilm, weights, a BERT or a Qwen.")
    ] = "minilm",
    recipe: Annotated[
        Path | None,
        typer.Option("--recipe", metavar="FILE", help="YAML; what it leaves out is as usual."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the run in --out stopped.")
    ] = False,
    start: Annotated[
        Path | None,
        typer.Option("--start", metavar="DIR", help="Begin from the layers trained there."),
    ] = None,
    haystack: Annotated[
        list[Path] | None,
        typer.Option("--haystack", metavar="FILE", help="Unrelated text around; repeatable."),
    ] = None,
    device: Annotated[
        str, typer.Option("--device", metavar="D", help="auto, cpu or cuda.")
    ] = "auto",
    processes: Annotated[
        int, typer.Option("--processes", metavar="N", help="Of a hybrid's training, a GPU each.")
    ] = 1,
) -> None:
    """Train a critic above a pretrained base. Needs pip install 'cprs[train]'."""
    from cprs.train.reason.critic import train_critic
    from cprs.train.reason.recipe import read_recipe

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    every = 1 if console.is_terminal else 50

    with console.status("", spinner="line") as status:

        def show(line: str) -> None:
            if console.is_terminal:
                status.update(line)
            else:
                console.print(line)

        def step(done: Step) -> None:
            number = done.step + 1
            if number % every == 0 or number == done.steps:
                terms = "  ".join(f"{name} {value:.4f}" for name, value in done.terms.items())
                show(f"step {number}/{done.steps}  loss {done.loss:.4f}  {terms}")

        done = train_critic(
            data,
            base,
            out,
            read_recipe(recipe) if recipe else None,
            resume=resume,
            start=start,
            haystack=haystack or (),
            device=device,
            processes=processes,
            say=show,
            progress=step,
        )
    say(
        [
            ("written", str(done.folder)),
            ("loss", f"{done.first_loss:.4f} at first, {done.last_loss:.4f} at last"),
            ("use", f"cprs eval critic --critic {done.folder} ..."),
        ]
    )
    if done.report is not None:
        write_stdout((done.report.text() + "\n").encode())
