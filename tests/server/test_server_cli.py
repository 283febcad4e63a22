"""`cprs serve` and `cprs config` on the command line."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cprs_server.serve as serving
import pytest
import yaml
from cprs_server.config.loading import load
from cprs_server.config.reload import Reload

from cprs.cli.app import run

pytest.importorskip("cprs_server")


@pytest.fixture
def reloads(monkeypatch: pytest.MonkeyPatch) -> list[Reload]:
    """What would be served."""
    made: list[Reload] = []

    def serve(reload: Reload, *, started: Callable[[Sequence[str]], None], **_: Any) -> None:
        made.append(reload)
        started(["http://127.0.0.1:1"])

    monkeypatch.setattr(serving, "serve", serve)
    return made


def test_serve_needs_nothing(
    reloads: list[Reload], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert run(["serve"]) == 0
    assert (reloads[0].current.host, reloads[0].current.port) == ("127.0.0.1", 8788)
    assert capsys.readouterr().out == ""
    assert "at: http://127.0.0.1:1" in caplog.messages
    assert "extract (built in" in caplog.text
    assert "warning" not in caplog.text


def test_serve_to_an_upstream(reloads: list[Reload]) -> None:
    assert run(["serve", "--upstream", "http://a/v1", "--host", "::1", "--port", "0"]) == 0
    settings = reloads[0].current
    assert settings.upstreams["default"].url == "http://a/v1"
    assert (settings.host, settings.port) == ("::1", 0)


def test_serve_from_a_file_that_changes(reloads: list[Reload], tmp_path: Path) -> None:
    file = tmp_path / "cprs.yaml"
    file.write_text("port: 5\nshadow: 0.1\n")
    assert run(["serve", "--config", str(file), "--port", "6"]) == 0
    file.write_text("port: 5\nshadow: 0.2\n")
    assert reloads[0].now()
    assert (reloads[0].current.port, reloads[0].current.shadow) == (6, 0.2)


def test_serve_warns_of_an_open_door(
    reloads: list[Reload], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "cprs.yaml"
    file.write_text("host: 0.0.0.0\nupstreams: {a: {url: 'http://a', api_key: k}}\n")
    assert run(["serve", "--config", str(file)]) == 0
    assert "anyone who reaches 0.0.0.0 can use your key of a" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--upstream", "a.example"], "--upstream: a URL begins with http:// or https://"),
        (["--upstream", "http://a", "--config", "x"], "--upstream and --config exclude"),
        (["--config", "none.yaml"], "none.yaml: no such file"),
        (["--port", "70000"], "--port"),
        (["--config", "two.yaml"], "two.yaml:1: port: must be a whole number; got 'x' (and 1 more"),
    ],
)
def test_serve_says_what_is_wrong_in_one_line(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.yaml").write_text("port: x\nprot: 1\n")
    assert run(["serve", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_check_lists_all_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cprs.yaml"
    file.write_text("port: x\nprot: 1\n")
    assert run(["config", "check", str(file)]) == 2
    error = capsys.readouterr().err
    assert f"{file}:1: port: must be a whole number" in error
    assert f"{file}:2: prot: unknown key; did you mean 'port'?" in error
    assert error.count("\n") == 2


def test_check_of_what_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cprs.yaml"
    file.write_text("upstreams: {a: {url: 'http://a'}}\n")
    assert run(["config", "check", str(file)]) == 0
    assert "all right" in capsys.readouterr().err


def test_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "cprs.yaml"


def test_a_key_that_is_made_fits_the_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "key", "bob"]) == 0
    said = capsys.readouterr()
    made = said.err.split()[1]
    (key,) = yaml.safe_load(said.out)["keys"]
    assert key == {"name": "bob", "sha256": hashlib.sha256(made.encode()).hexdigest()}
    assert made not in said.out
    file = tmp_path / "cprs.yaml"
    file.write_text(said.out)
    assert load(file).keys[0].name == "bob"


@pytest.mark.parametrize("name", ["a b", "x\ny: 1", ""])
def test_a_key_needs_a_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "key", name]) == 2
    assert capsys.readouterr().out == ""


def test_help_needs_none_of_the_extra() -> None:
    code = "import sys, cprs_server.cli; print(sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for package in ("pydantic", "uvicorn", "fastapi", "aiohttp", "watchfiles"):
        assert f"'{package}'" not in done.stdout, package


def test_with_a_part_of_the_extra() -> None:
    code = (
        "import sys; sys.modules['aiohttp'] = None\n"
        "from cprs.cli.app import run; sys.exit(run(['serve', '--port', '0']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "cprs: error: the proxy needs aiohttp, which is not installed: pip install 'cprs[server]'"
    ]


def test_without_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cprs_server.config.loading", None)
    monkeypatch.delitem(sys.modules, "cprs_server.config.loading")
    monkeypatch.setitem(sys.modules, "pydantic_settings", None)
    assert run(["config", "check"]) == 1
    assert "pip install 'cprs[server]'" in capsys.readouterr().err
