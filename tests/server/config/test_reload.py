"""Settings that are read again."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cprs_server.config.loading import load
from cprs_server.config.reload import Reload
from cprs_server.config.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cprs.yaml"
    path.write_text("shadow: 0.1\n")
    return path


def reload_of(path: Path) -> Reload:
    return Reload(load(path), lambda: load(path), path=path)


def test_reads_again(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    reload = reload_of(file)
    before = reload.current
    file.write_text("shadow: 0.2\nport: 9\nlimits: {queue: 1}\n")
    with caplog.at_level(logging.INFO):
        assert reload.now()
    assert (before.shadow, reload.current.shadow) == (0.1, 0.2)
    assert "takes a restart: port, limits.queue" in caplog.text


def test_what_takes_a_restart_is_said_until_there_is_one(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reload = reload_of(file)
    caplog.set_level(logging.INFO)
    for settings, said in (
        ("log: {level: debug}\nstore: {ttl: 9}", "takes a restart: store.ttl, log.level"),
        ("log: {level: debug}\nshadow: 0.2", "takes a restart: log.level"),
        ("cors: [https://a.example]", "takes a restart: cors"),
        ("shadow: 0.1", "settings read again"),
    ):
        caplog.clear()
        file.write_text(settings + "\n")
        assert reload.now()
        assert caplog.messages[-1].endswith(said)


def test_wrong_settings_change_nothing(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    reload = reload_of(file)
    file.write_text("shadow: 7\nprot: 1\n")
    assert not reload.now()
    assert reload.current.shadow == 0.1
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert "cprs.yaml:1: shadow: must be at most 1; got 7 (the settings stay" in caplog.text


def test_nothing_to_read() -> None:
    assert not Reload(Settings()).now()


def _write(path: Path) -> None:
    path.write_text("shadow: 0.5\n")


def _replace(path: Path) -> None:  # as editors do
    other = path.with_name("other")
    other.write_text("shadow: 0.5\n")
    os.replace(other, path)


@pytest.mark.parametrize("change", [_write, _replace])
def test_a_change_of_the_file_is_seen(file: Path, change: Callable[[Path], None]) -> None:
    async def run() -> float:
        reload = reload_of(file)
        stop = asyncio.Event()
        watching = asyncio.create_task(reload.watch(stop=stop))
        await asyncio.sleep(0.3)
        change(file)
        for _ in range(100):
            await asyncio.sleep(0.05)
            if reload.current.shadow != 0.1:
                break
        stop.set()
        await watching
        return reload.current.shadow

    assert asyncio.run(run()) == 0.5


def test_nothing_to_watch_ends_at_once() -> None:
    asyncio.run(asyncio.wait_for(Reload(Settings()).watch(), 1))
