"""The hybrid critic on vLLM's CPU build and on torch: the same tags."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hybrids import TEXT

from cprs import Compressor
from cprs.critics import load_critic
from cprs.critics.vllm.opening import in_process as open_in_process
from cprs.critics.vllm.opening import on_server
from cprs.errors import CprsError, OptionError, ServiceError, WeightsError
from with_vllm.serving import PATIENT, environment, vllm_serve

NEAR = 2e-5
"""How far scores in float32 may be apart."""


def same(compared: list[dict[str, Any]], *, labels: bool) -> None:
    first, second = compared
    for found in compared:
        assert found["same"] == 1, found
        assert found["keep"] < NEAR, found
        assert found["tags"] < NEAR, found
    assert min(first["kinds"]) > 0, "a tag that never occurs proves nothing"
    assert max(first["windows"]) > 128, "longer than a block of the cache"
    assert (first["labels"] is not None) == labels
    assert first["labels"] is None or first["labels"] < NEAR
    assert second["labels"] is None, "nobody asked for labels"


@pytest.fixture(scope="module")
def in_process(hybrids: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the script says of the hybrids."""
    out = tmp_path_factory.mktemp("said") / "said.json"
    script = Path(__file__).with_name("in_process.py")
    folders = [str(folder) for folder in hybrids.values()]
    one = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    path = str(script.parent.parent), os.environ.get("PYTHONPATH")
    done = subprocess.run(
        [sys.executable, str(script), str(out), *folders],
        env={**environment(), "PYTHONPATH": os.pathsep.join(filter(None, path)), **one},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * PATIENT,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return json.loads(out.read_text())


@pytest.mark.parametrize("name", ["frozen", "exact", "published"])
def test_in_process_tags_are_those_of_torch(in_process: Any, name: str) -> None:
    same(in_process[name]["compared"], labels=True)
    assert in_process[name]["name"].startswith("vllm-")
    assert all(found["usual"] for found in in_process[name]["compared"])


def test_a_frozen_prompt_held_in_the_cache_gives_the_tags_of_torch(in_process: Any) -> None:
    said = in_process["frozen held"]
    same(said["compared"], labels=True)
    assert said["name"] == in_process["frozen"]["name"] + "-32"
    assert [found["prompt"] % 32 for found in said["compared"]] == [0, 0]
    assert not all(found["usual"] for found in said["compared"])


def test_a_prompt_that_sees_the_window_cannot_be_held(hybrids: dict[str, Path]) -> None:
    with pytest.raises(OptionError, match=r"its prompt sees the window \(prefix: exact\)"):
        open_in_process(hybrids["exact"], prefix_caching=True)


def test_over_http_with_a_frozen_prompt(hybrids: dict[str, Path], tmp_path: Path) -> None:
    from with_vllm.compared import compare

    folder, log = hybrids["frozen"], tmp_path / "log"
    with vllm_serve(folder, *SERVED, log=log) as url:
        critic = on_server(url)
        same(compare(critic, folder), labels=True)

        asked: Any = {"query": "Who took the chair?", "ratio": 4}
        on_torch = Compressor(load_critic(folder)).compress(TEXT * 12, **asked)
        on_vllm = Compressor(critic).compress(TEXT * 12, **asked)
        assert on_vllm.text == on_torch.text
        assert on_vllm.critic != on_torch.critic

        refused = {
            f"vllm:{url}/other": (ServiceError, "serves critic, not other"),
            f"vllm:{url}#{folder.parent}": (WeightsError, "config.json"),
        }
        for name, (kind, said) in refused.items():
            with pytest.raises(kind, match=said):
                load_critic(name)
    with pytest.raises(ServiceError, match="no vLLM server at"):
        Compressor(critic).compress(TEXT * 12, **asked)


def test_over_http_with_a_prompt_that_sees_the_window(
    hybrids: dict[str, Path], tmp_path: Path
) -> None:
    from with_vllm.compared import compare

    folder, log = hybrids["exact"], tmp_path / "log"
    with vllm_serve(folder, *SERVED, log=log) as url:
        same(compare(on_server(f"{url}#{folder}"), folder), labels=True)


SERVED = (
    *("--runner", "pooling", "--served-model-name", "critic", "--dtype", "float32"),
    *("--max-model-len", "512", "--max-num-batched-tokens", "4096", "--skip-tokenizer-init"),
)


def test_an_option_that_would_give_wrong_tags_is_refused(
    hybrids: dict[str, Path], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with (
        pytest.raises(AssertionError, match="vllm serve ended"),
        vllm_serve(hybrids["exact"], *SERVED, "--enable-prefix-caching", log=log),
    ):
        raise CprsError("it started")
    assert "prefix caching gives a hybrid wrong tags" in log.read_text("utf-8", "replace")


def test_a_plugin_that_is_left_out(
    hybrids: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_PLUGINS", "other")
    with pytest.raises(OptionError, match="leaves cprs's plugin out: add cprs to it"):
        load_critic(f"vllm:{hybrids['exact']}")
