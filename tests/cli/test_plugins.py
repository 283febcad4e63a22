"""Commands of other packages."""

from importlib.metadata import EntryPoint

import pytest
import typer

import cprs.cli.plugins as plugins
from cprs.cli.app import run

greet_app = typer.Typer(add_completion=False)
group_app = typer.Typer(add_completion=False, help="A group.")


@greet_app.command()
def greet(name: str) -> None:
    """Greet someone."""
    typer.echo(f"hello {name}")


@group_app.command()
def one() -> None:
    """The first."""
    typer.echo("one")


@group_app.command()
def two() -> None:
    """The second."""


@pytest.fixture(autouse=True)
def entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    here = __name__
    points = [
        EntryPoint("greet", f"{here}:greet_app", plugins.GROUP),
        EntryPoint("group", f"{here}:group_app", plugins.GROUP),
        EntryPoint("gone", "no_such_package_anywhere:app", plugins.GROUP),
        EntryPoint("compress", f"{here}:greet_app", plugins.GROUP),
    ]
    monkeypatch.setitem(__import__("sys").modules, here, __import__("sys").modules[here])
    monkeypatch.setattr(plugins, "entry_points", lambda group: points)


def test_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["greet", "you"]) == 0
    assert capsys.readouterr().out == "hello you\n"


def test_a_group(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["group", "one"]) == 0
    assert capsys.readouterr().out == "one\n"


def test_all_are_listed_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    listed = capsys.readouterr().out
    assert "greet     Greet someone." in listed
    assert "group     A group." in listed
    assert listed.count("  compress  ") == 1


def test_its_own_commands_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compress", "--help"]) == 0
    assert "Greet" not in capsys.readouterr().out


def test_one_that_cannot_be_loaded_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gone"]) == 1
    said = capsys.readouterr().err
    assert "the command gone (no_such_package_anywhere:app) cannot be loaded: No module" in said
    assert said.count("\n") == 1


def test_none_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gret"]) == 2
    assert "No such command 'gret'" in capsys.readouterr().err


def test_its_own_need_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(group: str) -> list[EntryPoint]:
        raise AssertionError("searched")

    monkeypatch.setattr(plugins, "entry_points", never)
    assert run(["critics"]) == 0
