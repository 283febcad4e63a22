"""`cprs serve` and `cprs config`: commands that `cprs` finds by their entry points.

Nothing here imports what the extra brings until a command runs, so that `cprs --help` is quick and
works without it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import logging
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cprs import __version__
from cprs.cli.console import fail, say
from cprs.cli.exits import Exit
from cprs.cli.output import write_stdout
from cprs.errors import CprsError, OptionError

if TYPE_CHECKING:
    from cprs_server.config.settings import Settings

_EXAMPLES = """\b
Examples:
  cprs serve                                       answers with the evidence itself
  cprs serve --upstream https://api.openai.com/v1  the client's own key passes through
  cprs serve --config cprs.yaml
  CPRS_SERVE_PORT=9000 CPRS_SERVE_LOG__LEVEL=debug cprs serve
"""

_LOG = logging.getLogger("cprs_server")

# As `cprs` itself: boxes and colours are for terminals.
_MARKUP: Literal["rich"] | None = "rich" if sys.stdout is not None and sys.stdout.isatty() else None

serve_app = typer.Typer(add_completion=False, rich_markup_mode=_MARKUP)
config_app = typer.Typer(
    add_completion=False,
    rich_markup_mode=_MARKUP,
    no_args_is_help=True,
    help="Check the proxy's settings, describe them.",
)

_Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="CPRS_SERVE_CONFIG", help="Settings, as YAML."),
]


@serve_app.command(epilog=_EXAMPLES)
def serve(
    config: _Config = None,
    upstream: Annotated[
        str | None, typer.Option(help="Where requests go: the base URL an SDK would be given.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 is a free one.")
    ] = None,
) -> None:
    """Run the proxy: clients change their base URL and keep everything else."""
    if config is not None and upstream is not None:
        raise OptionError(
            "--upstream and --config exclude each other: write the upstream into the file"
        )
    flags: dict[str, Any] = {"host": host, "port": port}
    flags = {name: value for name, value in flags.items() if value is not None}
    if upstream is not None:
        flags["upstreams"] = {"default": {"url": upstream}}
    with _extra():
        from cprs_server.config.checks import base_url
        from cprs_server.config.loading import ConfigError, load
        from cprs_server.config.reload import Reload
        from cprs_server.serve import serve as run
    try:
        base_url(upstream or "http://localhost")
    except ValueError as error:
        raise OptionError(f"--upstream: {error}; got {upstream!r}") from error
    try:
        settings = load(config, flags)
    except ConfigError as error:
        more = len(error.problems) - 1
        hint = f" (and {more} more: cprs config check {config or ''}".rstrip() + ")"
        raise OptionError(f"{error}{hint if more else ''}") from error

    def started(urls: Sequence[str]) -> None:
        facts = [("cprs", __version__), *(("at", url) for url in urls), *_facts(settings)]
        if sys.stderr.isatty():
            say(facts)
        else:  # a log in which every line is alike
            for name, value in facts:
                level = logging.WARNING if name == "warning" else logging.INFO
                _LOG.log(level, "%s: %s", name, value)

    # Only now: it takes a second, and what is wrong with the settings is said before that.
    with _extra():
        from cprs_server.app import create_app
    reload = Reload(settings, lambda: load(config, flags), path=config)
    run(reload, make=create_app, started=started)


@config_app.command()
def check(
    config: Annotated[
        Path | None, typer.Argument(envvar="CPRS_SERVE_CONFIG", help="Settings, as YAML.")
    ] = None,
) -> None:
    """Say all that is wrong with the settings, or that nothing is. Starts nothing."""
    with _extra():
        from cprs_server.config.loading import ConfigError, load
    try:
        settings = load(config)
    except ConfigError as error:
        for problem in error.problems:
            fail(problem)
        raise typer.Exit(Exit.OPTION) from None
    say([("settings", f"{config or 'defaults'}: all right"), *_facts(settings)])


@config_app.command()
def schema() -> None:
    """Print the JSON schema of the settings, for editors."""
    with _extra():
        from cprs_server.config.schema import schema as made
    write_stdout((json.dumps(made(), indent=2) + "\n").encode())


@config_app.command()
def key(name: Annotated[str, typer.Argument(help="Whose key it is.")]) -> None:
    """Make a client's key: it is printed once; its hash goes into the settings."""
    with _extra():
        from cprs_server.config.checks import word
    try:
        word(name)
    except ValueError as error:
        raise OptionError(f"{error}; got {name!r}") from error
    made = "cprs-" + secrets.token_hex(24)
    say([("key", made), ("in the file", "")])
    entry = f"keys:\n  - name: {name}\n    sha256: {hashlib.sha256(made.encode()).hexdigest()}\n"
    write_stdout(entry.encode())


def _facts(settings: Settings) -> list[tuple[str, str]]:
    """What the settings come to, and what is doubtful about them."""
    from cprs_server.config.settings import EXTRACT

    facts = [("upstream", f"{name}  {u.url}") for name, u in settings.upstreams.items()]
    facts = facts or [("upstream", f"{EXTRACT} (built in: answers with the evidence itself)")]
    if settings.routes:
        facts.append(("routes", f"{len(settings.routes)}"))
    facts.append(("keys", f"{len(settings.keys)}" if settings.keys else "none asked for"))
    if not settings.keys and not _is_loopback(settings.host):
        own = [name for name, u in settings.upstreams.items() if u.api_key is not None]
        what = f"use your key of {', '.join(own)}" if own else "use this machine"
        facts.append(
            ("warning", f"anyone who reaches {settings.host} can {what}: set keys in the settings")
        )
    return facts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("cprs"):
            raise
        raise CprsError(
            f"the proxy needs {error.name}, which is not installed: pip install 'cprs[server]'"
        ) from error
