"""One critic in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from dying import dying
from tagging import Tagging

from cprs import Compressor
from cprs.critics.hybrid.parallel import ParallelCritic, load_parallel
from cprs.decode import Decoding
from cprs.engine.local import LocalEngine
from cprs.errors import Cancelled, CprsError, OptionError
from cprs.guidance import Guidance
from cprs.windows import Window, cut_windows

TEXT = "- Abc -- de9 -- Fg. " * 60
GUIDANCE = Guidance(query="q")


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[..., ParallelCritic]]:
    made: list[ParallelCritic] = []

    def start(*devices: str, deaths: int = 0) -> ParallelCritic:
        for number in range(deaths):
            (tmp_path / str(number)).touch()
        made.append(ParallelCritic(partial(dying, tmp_path), devices, encode=Tagging().encode))
        return made[-1]

    yield start
    for critic in made:
        critic.close()


def windows_of(critic: ParallelCritic) -> list[Window]:
    bounds = np.arange(0, len(TEXT) + 1, 5)
    return cut_windows(critic.encode(TEXT), bounds, size=critic.window)


def test_results_are_in_order_and_those_of_one_critic(
    spawn: Callable[..., ParallelCritic],
) -> None:
    critic = spawn("a", "b")
    assert (critic.name, critic.window, critic.threshold) == ("dying", 7, 0.5)
    with_all = Compressor(engine=LocalEngine(critic, workers=6, batch=3))
    found = with_all.compress(TEXT, query="q", decode=Decoding(min_tokens=1))
    alone = Compressor(Tagging()).compress(TEXT, query="q", decode=Decoding(min_tokens=1))
    assert found.spans == alone.spans
    assert len(found.spans) > 1


def test_what_a_process_had_in_hand_is_read_again(spawn: Callable[..., ParallelCritic]) -> None:
    critic = spawn("a", "b", deaths=1)
    windows = windows_of(critic)
    scorer = critic.ask(GUIDANCE, windows)
    found = dict(LocalEngine(critic, workers=4, batch=2).run(windows, scorer))
    assert sorted(found) == list(range(len(windows)))
    wanted = Tagging()(windows, [()] * len(windows))
    assert all((found[i].keep == wanted[i].keep).all() for i in found)
    assert sum(process.is_alive() for process in critic.pool.processes) == 1


def test_windows_that_end_every_process_are_the_reason(
    spawn: Callable[..., ParallelCritic],
) -> None:
    critic = spawn("a", "b", "c", deaths=2)
    windows = windows_of(critic)[:1]
    scorer = critic.ask(GUIDANCE, windows)
    with pytest.raises(CprsError, match="2 processes ended one after another"):
        scorer(windows, [()])
    assert len(scorer(windows, [()])) == 1  # the third is still there


def test_no_process_is_left(spawn: Callable[..., ParallelCritic]) -> None:
    critic = spawn("a", deaths=1)
    windows = windows_of(critic)[:2]
    scorer = critic.ask(GUIDANCE, windows)
    with pytest.raises(CprsError, match="all processes that ran the critic have ended"):
        scorer(windows, [(), ()])
    with pytest.raises(CprsError, match="all processes"):
        scorer(windows, [(), ()])


def test_errors_come_from_where_they_happen(spawn: Callable[..., ParallelCritic]) -> None:
    with pytest.raises(OptionError, match="device 'none' is not here"):
        spawn("none")
    with pytest.raises(OptionError, match="do not make the same critic: dying, other"):
        spawn("a", "other")
    with pytest.raises(CprsError, match="for gone ended while it loaded"):
        spawn("gone")
    with pytest.raises(OptionError, match="no devices"):
        spawn()
    critic = spawn("a")
    with pytest.raises(OptionError, match="cannot be asked"):
        critic.ask(Guidance(query="broken"), [])
    one = cut_windows(critic.encode("A"), np.array([0, 1]), size=7)
    with pytest.raises(CprsError, match="ZeroDivisionError: one token"):
        critic.ask(GUIDANCE, one)(one, [()])


def test_closing_tells_those_who_wait(spawn: Callable[..., ParallelCritic]) -> None:
    critic = spawn("a")
    windows = windows_of(critic)
    scorer = critic.ask(GUIDANCE, windows)
    with ThreadPoolExecutor(16) as pool:
        futures = [pool.submit(scorer, windows, [()] * len(windows)) for _ in range(16)]
        futures[0].result()
        critic.close()
        ends = [future.exception() for future in futures]
    assert any(isinstance(end, Cancelled) for end in ends)
    assert all(end is None or isinstance(end, CprsError) for end in ends)


def test_a_hybrid_on_two_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="needs cprs[torch]")
    pytest.importorskip("safetensors", reason="needs cprs[torch]")
    from hybrid_folders import make_hybrid
    from hybrids import tokenizer

    from cprs.critics.hybrid.critic import HybridCritic

    folder = make_hybrid(tmp_path / "hybrid", probe_layers=1)
    tokenizer().save(str(folder / "tokenizer.json"))
    decoding = Decoding(min_tokens=0)
    critic = load_parallel(folder, devices=("cpu", "cpu"), decode=decoding)
    text = "Maria Alvarez took the chair. Rain had fallen all night. " * 30
    try:
        one = HybridCritic.load(folder, decode=decoding)
        assert (critic.name, critic.window, critic.decoding) == (one.name, one.window, decoding)
        found = Compressor(critic).compress(text, query="Who took the chair?")
        assert found.decoded
        alone = Compressor(one).compress(text, query="Who took the chair?")
        assert [(s.start, s.end) for s in found.spans] == [(s.start, s.end) for s in alone.spans]
        # A process with fewer threads adds up in another order.
        scores = [s.score for s in alone.spans]
        assert [s.score for s in found.spans] == pytest.approx(scores, abs=1e-5)
        monkeypatch.setattr("cprs.effort.LEAST", 300)
        monkeypatch.setattr("cprs.critics.hybrid.parallel._SLICE", 2)
        both = [
            Compressor(c).compress(text * 3, query="Who?", effort="fast", budget=90)
            for c in (critic, one)
        ]
        assert both[0].text == both[1].text
        assert 0 < both[0].windows_read == both[1].windows_read < both[0].windows / 3
        asked = Guidance(query="why " * 500)
        assert critic.ask(asked, []).warnings == one.ask(asked, []).warnings != ()
    finally:
        critic.close()


def test_devices_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="needs cprs[torch]")
    from cprs.critics import _placed
    from cprs.critics.hybrid import placement

    assert placement.devices("cpu") == ["cpu"]
    assert placement.devices("cuda:0, cuda:1") == ["cuda:0", "cuda:1"]
    with pytest.raises(OptionError, match="names an empty one"):
        placement.devices("cuda:0,")
    monkeypatch.setattr(placement, "_gpus", lambda: 0)
    with pytest.raises(OptionError, match="torch sees none"):
        placement.devices("all")
    monkeypatch.setattr(placement, "_gpus", lambda: 2)
    assert placement.devices("all") == ["cuda:0", "cuda:1"]
    assert _placed("models/cprs@cuda:1", "cpu") == ("models/cprs", "cuda:1")
    assert _placed("models/cprs@cuda:0,cuda:1", "cpu") == ("models/cprs", "cuda:0,cuda:1")
    assert _placed("me@home/cprs", "cuda") == ("me@home/cprs", "cuda")
    assert _placed("embedded", "cpu") == ("embedded", "cpu")
