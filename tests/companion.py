"""`cprs l1` inside this process."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from unittest import mock

from command import Outcome, run

from cprs.cli import plugins


def l1(*arguments: object) -> Outcome:
    """A command line of the companion. An installation from before its commands were there has no
    entry point for them, so it is given here."""
    point = EntryPoint("l1", "cprs.l1.cli.app:l1_app", plugins.GROUP)
    with mock.patch.object(plugins, "found", return_value={"l1": point}):
        return run("l1", *arguments)
