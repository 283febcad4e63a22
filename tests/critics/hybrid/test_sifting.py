"""A probe's first look, and the windows that go on from there."""

# ruff: noqa: E402  # what needs torch is imported once it is known to be there

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[torch]")
pytest.importorskip("safetensors", reason="needs cprs[torch]")

from cprs_kernels import Packed
from hybrid_folders import make_hybrid
from hybrids import TEXT, tokenizer

from cprs import Compressor
from cprs.checkpoint import cancelled_by
from cprs.critics.base import Sifts
from cprs.critics.hybrid.checkpoint import Checkpoint
from cprs.critics.hybrid.critic import HybridCritic
from cprs.critics.hybrid.graphs import NO_PREFIX
from cprs.critics.hybrid.held import Held
from cprs.critics.hybrid.memory import Allowance, Budget
from cprs.effort import likeliest
from cprs.errors import Cancelled, WeightsError
from cprs.formats import segment
from cprs.guidance import Guidance
from cprs.windows import Window, cut_windows

torch.set_num_threads(1)
GUIDANCE = Guidance.parse("Extract. Tag with 'fact'.", "Who took the chair?", labels=None)
ROOM = 400
_WORDS = np.random.default_rng(4).permuted(np.array(TEXT.split() * 24)).tolist()
TEXTS = " ".join(word if i % 9 else f"{word}. {i}" for i, word in enumerate(_WORDS))


def folder_of(folder: Path, **config: Any) -> Path:
    made = make_hybrid(folder, **{"probe_layers": 1, **config})
    tokenizer().save(str(made / "tokenizer.json"))
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("probed"))


def together(critic: HybridCritic, tokens: int) -> HybridCritic:
    """The same model in steps of so many tokens."""
    return HybridCritic(critic.model, critic.tokens, digest="", budget=Budget(tokens))


def windows_of(critic: HybridCritic, size: int = 150) -> list[Window]:
    bounds = segment(TEXTS, format="text", granularity="sentence").passages
    return cut_windows(critic.encode(TEXTS), bounds, size=size)


def chosen(first: Any, windows: list[Window]) -> list[int]:
    lengths = np.array([len(window) for window in windows])
    return sorted(likeliest(first, lengths, ROOM)[0].tolist())


def largest(found: Any, wanted: Any) -> float:
    """The largest difference of any score."""
    return max(
        float(np.abs(a - b).max())
        for one, other in zip(found, wanted, strict=True)
        for a, b in ((one.keep, other.keep), (one.tags, other.tags), (one.labels, other.labels))
    )


@pytest.mark.parametrize(
    "config",
    [
        {"prefix": "exact"},
        {"prefix": "frozen"},
        # The last causal layer: what is read next looks both ways.
        {"prefix": "exact", "probe_layers": 2},
        {"prefix": "frozen", "probe_layers": 2, "family": "qwen3", "tied": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("steps", [1, 500, 10_000])
def test_windows_that_go_on_score_as_if_read_whole(
    tmp_path: Path, config: dict[str, Any], steps: int
) -> None:
    alone = HybridCritic.load(folder_of(tmp_path, **config))
    windows = windows_of(alone)
    expected = alone.ask(GUIDANCE, windows)
    critic = together(alone, steps)
    scorer = critic.ask(GUIDANCE, windows)
    assert isinstance(scorer, Sifts)
    first = scorer.sift(windows, room=ROOM)
    assert first is not None
    wanted = expected.sift(windows, room=0)
    assert wanted is not None
    assert np.abs(first - wanted).max() < 0.011
    assert len(set(first.tolist())) > 10
    goes = chosen(wanted, windows)
    before = critic.pipeline.steps
    found = scorer([windows[i] for i in goes], [])
    assert largest(found, expected([windows[i] for i in goes], [])) < 1e-5
    assert critic.pipeline.steps - before <= len(goes)
    # All of these were held; another is read from its beginning.
    assert not scorer._begun
    other = next(i for i in range(len(windows)) if i not in goes)
    assert largest(scorer([windows[other]], []), expected([windows[other]], [])) < 1e-5


def test_rows_leave_as_soon_as_their_windows_cannot_be_among_the_best(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cprs.critics.hybrid.sifting.SLICE", 1)
    critic = together(HybridCritic.load(folder), 500)
    windows = windows_of(critic)
    held: list[int] = []
    only = Held.only

    def counted(self: Held, places: Any) -> Held:
        found = only(self, places)
        assert len(found.rows) == sum(found.lengths) == int(found.packed.starts[-1])
        held.append(len(found.rows))
        return found

    monkeypatch.setattr(Held, "only", counted)
    scorer = critic.ask(GUIDANCE, windows)
    first = scorer.sift(windows, room=ROOM)
    assert first is not None
    assert len(held) > 5
    rows = {id(one.held): len(one.held.rows) for one in scorer._begun.values()}
    tokens = sum(len(windows[i]) for i in chosen(first, windows))
    assert sum(rows.values()) == tokens < ROOM + 150


def test_what_is_read_on_does_not_depend_on_memory(folder: Path) -> None:
    critic = HybridCritic.load(folder)
    windows = windows_of(critic)
    expected = critic.ask(GUIDANCE, windows)(windows[:4], [])
    critic.pipeline.holding = Allowance(160)
    scorer, other = (critic.ask(GUIDANCE, windows) for _ in range(2))
    first, second = (one.sift(windows, room=ROOM) for one in (scorer, other))
    assert first is not None
    assert second is not None
    assert first.tobytes() == second.tobytes()
    assert 0 < len(scorer._begun) < 4
    assert not other._begun  # the first one has all that there is
    for one in (scorer, other):
        for found, wanted in zip(one(windows[:4], []), expected, strict=True):
            assert found.keep.tobytes() == wanted.keep.tobytes()
    del one, scorer, other
    gc.collect()
    assert critic.pipeline.holding.take(1000) == 160


@pytest.mark.parametrize("stage", ["begin", "end"])
def test_memory_that_does_not_suffice_halves_both_stages(
    folder: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    alone = HybridCritic.load(folder)
    critic = together(alone, 1000)
    windows = windows_of(critic)
    whole = getattr(critic.model, stage)

    def scarce(tokens: Any, *more: Any) -> Any:
        if len(tokens) > 350:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(tokens, *more)

    scorer = critic.ask(GUIDANCE, windows)
    with monkeypatch.context() as patch:
        patch.setattr(critic.model, stage, scarce)
        first = scorer.sift(windows, room=ROOM)
        goes = [windows[i] for i in chosen(first, windows)]
        found = scorer(goes, [])
    assert critic.pipeline.budget.tokens < 1000
    assert largest(found, alone.ask(GUIDANCE, windows)(goes, [])) < 1e-5


def test_fp8_goes_on_as_it_began(folder: Path) -> None:
    critic = HybridCritic.load(folder, dtype="fp8")
    windows = windows_of(critic)
    scorer = critic.ask(GUIDANCE, windows)
    goes = [windows[i] for i in chosen(scorer.sift(windows, room=ROOM), windows)]
    assert scorer._begun
    assert largest(scorer(goes, []), critic.ask(GUIDANCE, windows)(goes, [])) < 1e-5


def test_cancelling_ends_a_first_look(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cprs.critics.hybrid.sifting.SLICE", 1)
    monkeypatch.setattr("cprs.critics.hybrid.sifting.WAITING", 20)
    critic = HybridCritic.load(folder)
    windows = windows_of(critic, 40)
    cancel, begin = threading.Event(), critic.model.begin
    begun: list[int] = []

    def counted(*given: Any) -> Any:
        begun.append(1)
        if len(begun) == 5:
            cancel.set()
        return begin(*given)

    monkeypatch.setattr(critic.model, "begin", counted)
    scorer = critic.ask(GUIDANCE, windows)
    with cancelled_by(cancel), pytest.raises(Cancelled):
        scorer.sift(windows, room=ROOM)
    assert len(critic.ask(GUIDANCE, windows)(windows[:1], [])) == 1
    assert 5 <= len(begun) < 18 < 25 < len(windows)


def test_fast_reads_the_share_that_the_probe_finds(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cprs.effort.LEAST", 300)
    options: dict[str, Any] = {"query": "Who took the chair?", "effort": "fast"}
    critic = HybridCritic.load(folder)
    text = TEXTS * 2
    found = Compressor(critic).compress(text, budget=200, **options)
    assert found.effort == "fast"
    assert 0 < found.windows_read < found.windows / 3
    # However windows were read together, and however much of them is kept.
    for tokens in (600, 10_000):
        other = Compressor(together(critic, tokens)).compress(text, budget=200, **options)
        assert (other.text, other.windows_read) == (found.text, found.windows_read)
    more = Compressor(critic).compress(text, budget=900, **options)
    kept = [{i for s in one.spans for i in range(s.start, s.end)} for one in (found, more)]
    assert kept[0] < kept[1]
    assert more.windows_read == found.windows_read


def test_without_a_probe_everything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cprs.effort.LEAST", 300)
    critic = HybridCritic.load(folder_of(tmp_path, probe_layers=None))
    windows = windows_of(critic)
    assert critic.ask(GUIDANCE, windows).sift(windows, room=ROOM) is None
    found = Compressor(critic).compress(TEXTS, query="Who?", effort="fast", budget=90)
    assert (found.effort, found.windows_read) == ("thorough", found.windows)
    with pytest.raises(ValueError, match="no probe"):
        critic.model.begin(torch.ones(2, dtype=torch.int64), Packed.of([2]), NO_PREFIX)


@pytest.mark.parametrize(
    ("config", "without", "says"),
    [
        ({"probe_layers": 3}, "", r"probe_layers is 3, .* of which there are 2 of 4"),
        ({"probe_layers": -1}, "", "probe_layers is not a number"),
        ({"probe_layers": 1}, "probe_head.bias", "missing probe_head.bias"),
    ],
)
def test_a_probe_that_does_not_fit(
    tmp_path: Path, config: dict[str, Any], without: str, says: str
) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    made = folder_of(tmp_path, **config)
    arrays = safetensors.load_file(made / "model.safetensors")
    arrays.pop(without, None)
    safetensors.save_file(arrays, made / "model.safetensors")
    with pytest.raises(WeightsError, match=says):
        Checkpoint.open(made)
