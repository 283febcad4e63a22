"""The hybrid critic from folder to scores: layouts, prompts, devices, types, the hub."""

# ruff: noqa: E402  # what needs torch is imported once it is known to be there

from __future__ import annotations

import gc
import inspect
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[torch]")
pytest.importorskip("safetensors", reason="needs cprs[torch]")
pytest.importorskip("transformers", reason="needs cprs[train]")

import huggingface_hub
import hybrid_reference as reference
from hybrid_folders import make_hybrid
from hybrids import TEXT, make_base, tokenizer

from cprs import Compressor
from cprs.critics import load_critic
from cprs.critics.hybrid.asked import Prompt
from cprs.critics.hybrid.config import HybridConfig
from cprs.critics.hybrid.critic import HybridCritic
from cprs.critics.hybrid.memory import Budget
from cprs.critics.hybrid.placement import place, spread
from cprs.critics.hybrid.precision import agreement
from cprs.critics.hybrid.prompt import roles_prompt
from cprs.critics.hybrid.tokens import Tokens
from cprs.decode import Decoding
from cprs.errors import Cancelled, OptionError, WeightsError
from cprs.formats import segment
from cprs.guidance import Guidance
from cprs.train.hybrid.collate import inputs_of
from cprs.train.hybrid.dataset import Given
from cprs.train.hybrid.folder import load_hybrid, new_hybrid, save_hybrid
from cprs.train.reason.recipe import Recipe
from cprs.windows import Window, cut_windows

torch.set_num_threads(1)
NAME = "Tongyi-Zhiwen/QwenLong-CPRS-7B"
GUIDANCE = Guidance.parse(
    "Extract. Tag them with 'fact', others with 'clue'.", "Who took the chair?"
)


def make_critic(folder: Path, **options: Any) -> Path:
    make_hybrid(folder, **options)
    tokenizer().save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_critic(tmp_path_factory.mktemp("published"), shards=3)


def windows_of(critic: HybridCritic, text: str = TEXT * 6) -> list[Window]:
    bounds = segment(text, format="text", granularity="sentence").passages
    windows = cut_windows(critic.encode(text), bounds, size=critic.window)
    assert len(windows) > 2
    return windows


@pytest.mark.parametrize("options", [{"prefix": "exact"}, {"prefix": "frozen"}, {"tied": True}])
def test_scores_are_those_of_the_reference(tmp_path: Path, options: dict[str, Any]) -> None:
    folder = make_critic(tmp_path, **options)
    critic = HybridCritic.load(folder)
    windows = windows_of(critic)
    prompt = roles_prompt(Tokens.load(folder), GUIDANCE, room=64)
    scorer = critic.ask(GUIDANCE, windows)
    for window, scores in zip(windows, scorer(windows, critic.read(windows)), strict=True):
        said = reference.read(folder, prompt.ids.tolist(), window.token_ids.tolist())
        assert scores.tags is not None
        assert scores.labels is not None
        assert (scores.tags.argmax(1) == said.tags.argmax(1)).all()
        assert np.abs(scores.tags - said.probabilities).max() < 1e-5
        assert said.words is not None
        labels = reference.softmax(said.words[:, prompt.rows])[:, 1:]
        assert np.abs(scores.labels - labels).max() < 1e-5
        outside = said.probabilities[:, 2]
        odds = np.log((1 - outside) / outside)
        for a, b in window.units.tolist():
            assert np.abs(scores.keep[a:b] - 1 / (1 + np.exp(-odds[a:b].mean()))).max() < 1e-5
    assert len({scores.keep[0] for scores in scorer(windows, critic.read(windows))}) > 1


@pytest.mark.parametrize("prefix", ["exact", "frozen"])
def test_scores_are_those_of_the_model_that_was_trained(tmp_path: Path, prefix: str) -> None:
    base, out = make_base(tmp_path / "base", layers=4), tmp_path / "out"
    out.mkdir()
    recipe = Recipe(window=160, prefix=prefix, bidirectional_from=2, probe=1.0)
    made = new_hybrid(base, recipe)
    assert made.config.probe_layers == 1
    assert made.probe_head is not None
    torch.nn.init.normal_(made.probe_head.weight, generator=torch.Generator().manual_seed(3))
    save_hybrid(made, base, out)
    model = load_hybrid(out, dtype=torch.float32)
    critic = HybridCritic.load(out)
    assert critic.window == 120
    windows = windows_of(critic)
    prompt = roles_prompt(Tokens.load(out), GUIDANCE, room=40)
    scorer = critic.ask(GUIDANCE, windows)
    found = scorer(windows, critic.read(windows))
    first = scorer.sift(windows, room=0)
    assert first is not None
    assert np.ptp(first) > 0.3
    for window, scores, probable in zip(windows, found, first, strict=True):
        one = Given(prompt.ids, window.token_ids, window.units, prompt.rows)
        with torch.no_grad():
            said = model(inputs_of([one]))
        assert scores.tags is not None
        assert scores.labels is not None
        assert np.abs(scores.tags - said.tags[0].softmax(-1).numpy()).max() < 1e-5
        assert np.abs(scores.labels - said.labels[0].softmax(-1)[:, 1:].numpy()).max() < 1e-5
        keep = said.odds[0].sigmoid().numpy().repeat(np.diff(window.units)[:, 0])
        assert np.abs(scores.keep - keep).max() < 1e-5
        assert abs(float(said.probe.max()) - probable) < 0.00501


def test_a_windows_scores_do_not_depend_on_the_others(folder: Path) -> None:
    critic = HybridCritic.load(folder)
    windows = windows_of(critic)
    scorer = critic.ask(GUIDANCE, windows)
    together = scorer(windows, critic.read(windows))
    for window, scores in zip(windows, together, strict=True):
        (alone,) = critic.ask(GUIDANCE, windows)([window], [()])
        assert alone.keep.tobytes() == scores.keep.tobytes()


def test_windows_in_one_step_score_the_same(folder: Path) -> None:
    alone = HybridCritic.load(folder)
    windows = windows_of(alone)
    expected = alone.ask(GUIDANCE, windows)(windows, [])
    for most, steps in ((400, 2), (10_000, 1)):
        critic = HybridCritic(alone.model, alone.tokens, digest="", budget=Budget(most))
        found = critic.ask(GUIDANCE, windows)(windows, [])
        assert critic.pipeline.steps == steps
        for a, b in zip(expected, found, strict=True):
            assert np.abs(a.keep - b.keep).max() < 1e-5
    assert alone.pipeline.steps == len(windows)


def test_fp8_says_much_the_same(folder: Path) -> None:
    exact, coarse = (HybridCritic.load(folder, dtype=kind) for kind in ("float32", "fp8"))
    assert coarse.name.endswith("-fp8-cpu")
    windows = windows_of(exact)
    found = [
        [torch.from_numpy(scores.tags) for scores in critic.ask(GUIDANCE, windows)(windows, [])]
        for critic in (exact, coarse)
    ]
    same = agreement(*found)
    assert 0.75 < same.tags < 1
    assert same.largest < 0.5


def test_its_threads_end_with_it(folder: Path) -> None:
    critic = HybridCritic.load(folder)
    pipeline = critic.pipeline
    windows = windows_of(critic)[:1]
    scorer = critic.ask(GUIDANCE, windows)
    del critic
    gc.collect()
    assert len(scorer(windows, [])[0].keep) == len(windows[0])
    del scorer
    gc.collect()
    with pytest.raises(Cancelled):
        pipeline.read(Prompt(np.ones(3, np.int32)), [np.ones(4, np.int32)])


def test_a_compressor_takes_its_folder(folder: Path) -> None:
    compressor = Compressor(str(folder))
    result = compressor.compress(TEXT * 5, query="Who took the chair?", budget=60)
    assert result.critic.startswith("hybrid-")
    assert 0 < result.tokens_out <= 60
    again = Compressor(folder).compress(TEXT * 5, query="Who took the chair?", budget=60)
    assert again.text == result.text


def test_without_labels_and_without_an_lm_head(folder: Path, tmp_path: Path) -> None:
    plain = Guidance.parse(query="Who?")
    critic = HybridCritic.load(folder)
    windows = windows_of(critic)[:1]
    assert critic.ask(plain, windows)(windows, [()])[0].labels is None
    headless = HybridCritic.load(make_critic(tmp_path, lm_head=False))
    assert headless.ask(GUIDANCE, windows)(windows, [()])[0].labels is None


def test_the_name_tells_weights_and_types_apart(folder: Path, tmp_path: Path) -> None:
    same = make_critic(tmp_path / "same", shards=3)
    other = make_critic(tmp_path / "other", shards=3, seed=1)
    names = [HybridCritic.load(f).name for f in (folder, same, other)]
    names += [HybridCritic.load(folder, dtype=kind).name for kind in ("float32", "bfloat16")]
    assert names[0] == names[1] == names[3]
    assert len(set(names)) == 3


def test_what_decides_where_nothing_else_does(folder: Path) -> None:
    assert HybridCritic.load(folder).decoding is None
    assert HybridCritic.load(folder, decode="published").decoding == Decoding()
    mine = Decoding(min_tokens=1)
    assert HybridCritic.load(folder, decode=mine).decoding is mine


def test_a_window_that_does_not_fit_behind_its_prompt(folder: Path) -> None:
    critic = HybridCritic.load(folder)
    (window,) = cut_windows(critic.encode(TEXT * 3), np.array([0, 2000]), size=250)[:1]
    with pytest.raises(
        OptionError, match=r"210 tokens does not fit: .* 256 at once, its prompt of 60"
    ):
        critic.ask(GUIDANCE, [window])([window], [()])


def test_the_window_can_be_given(folder: Path) -> None:
    assert HybridCritic.load(folder, window=512).window == 384
    with pytest.raises(OptionError, match="window is 0: it must hold a prompt"):
        HybridCritic.load(folder, window=0)
    with pytest.raises(OptionError, match=r"window is 2048, but the model .* has 1024 positions"):
        HybridCritic.load(folder, window=2048)


def test_reading_needs_no_library_for_training() -> None:
    package = Path(inspect.getfile(HybridCritic)).parent
    for path in package.glob("*.py"):
        for line in path.read_text("utf-8").splitlines():
            assert not re.match(r"\s*(from|import) (transformers|cprs\.train)\b", line), path


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"device": "meta"}, "does not run on 'meta'"),
        ({"dtype": "int3"}, "unknown dtype 'int3'; known: auto"),
        ({"decode": "both"}, "unknown decode 'both'"),
        ({"window": 8}, "window is 8"),
        ({"device_map": {"model.layers.0": "cpu"}}, "says nothing of model.embed_tokens"),
        ({"device_map": {"": "cpu", "model.layers.9": "cpu"}}, "the model has no 'model.layers.9'"),
        ({"device_map": {"": "cpu", "lm_head": "disk"}}, "lm_head cannot stay on disk"),
    ],
)
def test_options_that_mean_nothing(folder: Path, options: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError, match=says) as caught:
        HybridCritic.load(folder, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("options", [{"device": "cuda"}, {"device_map": {"": "cpu", "lm_head": 0}}])
def test_a_gpu_that_is_not_here(folder: Path, options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=r"device 'cuda.*' cannot be used: .*; use device='cpu'"):
        HybridCritic.load(folder, **options)


def test_a_driver_that_does_not_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_old() -> None:
        raise RuntimeError("The NVIDIA driver on your system is too old (found 11040).\nUpdate it")

    monkeypatch.setattr(torch.cuda, "init", too_old)
    with pytest.raises(OptionError, match=r"too old \(found 11040\); use device='cpu'"):
        HybridCritic.load(folder, device="cuda:1")


def test_several_devices_have_a_process_each(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        "cprs.critics.hybrid.parallel.load_parallel", lambda *a, **b: asked.append((a, b))
    )
    load_critic(folder, device="cuda:0, cuda:1")
    assert asked == [((folder,), {"devices": ["cuda:0", "cuda:1"]})]


def test_parts_are_spread_by_room() -> None:
    assert spread([2, 1, 1, 1, 1, 2], [10, 10]) == [0, 0, 0, 1, 1, 1]
    assert spread([1] * 6, [20, 10]) == [0, 0, 0, 0, 1, 1]
    assert spread([1] * 5, [7]) == [0] * 5


def test_a_device_map_is_honoured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = HybridConfig.read(folder)
    monkeypatch.setattr("cprs.critics.hybrid.placement.open_device", torch.device)
    devices = {"": "cuda:1", "model.layers": "cuda:0", "model.layers.3": "cuda:2"}
    found = place(config, device_map=devices)
    assert [str(device) for device in found.layers] == ["cuda:0"] * 3 + ["cuda:2"]
    assert str(found.embed) == str(found.heads) == "cuda:1"
    assert set(place(config, device_map="cpu").layers) == {torch.device("cpu")}
    with pytest.raises(OptionError, match="must be on one device"):
        place(config, device_map={"": "cpu", "cls_head": "cuda:0"})


def test_layers_on_several_devices_say_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two names for the CPU: what must travel is taken along, or the tables are not found."""
    alone = HybridCritic.load(folder)
    monkeypatch.setattr("cprs.critics.hybrid.placement.open_device", torch.device)
    parts = {"": "cpu", "model.layers.1": "cpu:0", "model.layers.3": "cpu:0"}
    shared = HybridCritic.load(folder, device_map=parts)
    windows = windows_of(alone)
    for a, b in zip(*(c.ask(GUIDANCE, windows)(windows, []) for c in (alone, shared)), strict=True):
        assert a.keep.tobytes() == b.keep.tobytes()


def hub(
    monkeypatch: pytest.MonkeyPatch, snapshot: Callable[..., str], *, offline: bool = False
) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", offline)


@pytest.fixture
def cache(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's own cache, with a critic in it and no network; returns the critic's place."""
    commit = "1" * 40
    repository = tmp_path / f"models--{NAME.replace('/', '--')}"
    place = repository / "snapshots" / commit
    shutil.copytree(folder, place)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return place


def test_a_name_is_looked_up_in_the_hubs_cache(folder: Path, cache: Path) -> None:
    assert Compressor(NAME).critic.name == load_critic(folder).name


def test_a_critic_that_is_half_in_the_cache(cache: Path) -> None:
    next(cache.glob("*.safetensors")).unlink()
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE is set and some of its files are"):
        load_critic(NAME)


def test_a_critic_that_is_not_in_the_cache(cache: Path) -> None:
    with pytest.raises(WeightsError, match=r"nobody/nothing .* HF_HUB_OFFLINE is set") as caught:
        load_critic("nobody/nothing")
    assert "\n" not in str(caught.value)


def test_what_is_not_in_the_cache_is_downloaded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = tmp_path / "part"
    part.mkdir()
    for name in ("config.json", "model.safetensors.index.json", "tokenizer.json"):
        (part / name).write_bytes((folder / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    asked = []

    def snapshot(name: str, *, local_files_only: bool = False, **_: Any) -> str:
        asked.append(local_files_only)
        return str(part if local_files_only else folder)

    hub(monkeypatch, snapshot)
    assert load_critic(NAME).name == load_critic(folder).name
    assert asked == [True, False]


@pytest.mark.parametrize("offline", [True, False])
def test_a_name_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch, offline: bool) -> None:
    asked = []

    def snapshot(name: str, *, local_files_only: bool = False, **_: Any) -> str:
        asked.append(local_files_only)
        raise OSError("Cannot find it.\nSee the documentation")

    hub(monkeypatch, snapshot, offline=offline)
    with pytest.raises(WeightsError, match="cannot be had from the Hugging Face hub") as caught:
        load_critic(NAME)
    assert asked == ([True] if offline else [True, False])
    assert str(caught.value).count("\n") == 0
    assert ("HF_HUB_OFFLINE" in str(caught.value)) == offline
    assert f"hf download {NAME}" in str(caught.value)
