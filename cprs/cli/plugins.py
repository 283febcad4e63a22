"""Commands of other packages: entry points of the group "cprs.commands".

Each names a `typer.Typer`: of one command, or of several below a common name.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperGroup

from cprs.errors import CprsError

GROUP = "cprs.commands"


def found() -> dict[str, EntryPoint]:
    """The entry points that are installed, by the name of their command."""
    return {point.name: point for point in sorted(entry_points(group=GROUP))}


class Commands(TyperGroup):
    """The commands of `cprs` and those of plug-ins, which are only looked for when a command is
    none of its own, or when all are listed."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all commands, its own first."""
        own = super().list_commands(ctx)
        return [*own, *(name for name in found() if name not in own)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, or None."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        point = found().get(cmd_name)
        return None if point is None else _command(point)


def _command(point: EntryPoint) -> Any:
    try:
        made = point.load()
    except (ImportError, AttributeError) as error:
        made = _broken(point, error)
    command = typer.main.get_command(made)
    command.name = point.name
    return command


def _broken(point: EntryPoint, error: Exception) -> typer.Typer:
    """A plug-in that cannot be loaded says so when it is called, not when others are."""
    app = typer.Typer()

    @app.command(help="(cannot be loaded)")
    def broken() -> None:
        raise CprsError(f"the command {point.name} ({point.value}) cannot be loaded: {error}")

    return app
