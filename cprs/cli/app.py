"""The `cprs` command: its subcommands, and how every run ends."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from cprs._version import __version__
from cprs.cli.compress import EXAMPLES, compress
from cprs.cli.console import fail
from cprs.cli.data import data_app
from cprs.cli.doctor import doctor
from cprs.cli.evaluate import eval_app
from cprs.cli.exits import MEANING, Exit
from cprs.cli.export import export_app
from cprs.cli.listing import critics, formats
from cprs.cli.plugins import Commands
from cprs.cli.train import train_app
from cprs.errors import CprsError

_EXITS = "\b\nExit codes:\n" + "\n".join(f"  {code:<5}{text}" for code, text in MEANING.items())

app = typer.Typer(
    name="cprs",
    cls=Commands,
    # Boxes and colours are for terminals; a pipe gets plain lines.
    rich_markup_mode="rich" if sys.stdout is not None and sys.stdout.isatty() else None,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cprs {__version__}")
        raise typer.Exit


@app.callback(epilog=_EXITS)
def cprs(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Compress long texts to the part that answers a question."""


app.command(epilog=EXAMPLES)(compress)
app.command()(doctor)
app.command()(critics)
app.command()(formats)
app.add_typer(eval_app, name="eval")
app.add_typer(data_app, name="data")
app.add_typer(export_app, name="export")
app.add_typer(train_app, name="train")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (`sys.argv` by default) and return its exit code. Never raises."""
    try:
        code = app(args=arguments, prog_name="cprs", standalone_mode=False)
        if code == Exit.INTERRUPTED:  # typer's name for KeyboardInterrupt
            fail("interrupted; nothing was written")
        return code if isinstance(code, int) else Exit.OK
    except CprsError as error:
        fail(str(error))
        return error.exit_code
    except OSError as error:  # a full disk, a folder that may not be made
        fail(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))
        return Exit.OTHER
    except Exception as error:  # noqa: BLE001  # the last line of defence: it tells
        return _other(error)


def _other(error: Exception) -> int:
    # Usage errors are ClickException, which typer brings along under a name of its own.
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        context = getattr(error, "ctx", None)
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(context.get_help() if context else error.format_message(), err=True)
            return Exit.OPTION
        command = context.command_path if context is not None else "cprs"
        fail(f"{error.format_message()} (see {command} --help)")
        return Exit.OPTION
    if os.environ.get("CPRS_DEBUG"):
        traceback.print_exc()
    fail(f"{type(error).__name__}: {error} (a bug in cprs; CPRS_DEBUG=1 shows where)")
    return Exit.BUG
