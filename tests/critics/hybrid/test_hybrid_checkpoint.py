"""A hybrid's folder: layouts that are known, and what is said of those that do not fit."""

# ruff: noqa: E402  # what needs torch is imported once it is known to be there

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs cprs[torch]")
pytest.importorskip("safetensors", reason="needs cprs[torch]")

from hybrid_folders import make_hybrid, write_shards
from safetensors.torch import load_file

from cprs.critics import load_critic
from cprs.critics.hybrid.checkpoint import Checkpoint
from cprs.critics.hybrid.config import HybridConfig
from cprs.critics.hybrid.kind import is_hybrid
from cprs.critics.hybrid.rope import Rope
from cprs.errors import CprsError, OptionError, WeightsError

CPU = torch.device("cpu")


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the tensors of a folder's one file."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    write_shards(folder, tensors)


@pytest.mark.parametrize("body", ["model.", "", "module.model.", "model.model."])
@pytest.mark.parametrize("shards", [1, 4])
def test_published_names_whatever_they_are_wrapped_in(
    tmp_path: Path, body: str, shards: int
) -> None:
    plain = Checkpoint.open(make_hybrid(tmp_path / "plain"))
    found = Checkpoint.open(make_hybrid(tmp_path / "found", body=body, shards=shards))
    assert found.layout == "published"
    assert found.critic() is found
    assert set(found.tensors) == set(plain.tensors)
    for name in found.tensors:
        a, b = (c.tensor(name, device=CPU, dtype=torch.float32) for c in (plain, found))
        assert torch.equal(a, b), name


def test_layouts(tmp_path: Path) -> None:
    trained: dict[str, Any] = {"cprs_format": 1, "prefix": "frozen"}
    assert Checkpoint.open(make_hybrid(tmp_path / "trained", **trained)).layout == "trained"
    for family in ("qwen2", "qwen3"):
        base = make_hybrid(tmp_path / family, family=family, tag_head=False)
        assert is_hybrid(base)
        checkpoint = Checkpoint.open(base)
        assert checkpoint.layout == "base"
        for refused in (checkpoint.critic, lambda base=base: load_critic(base)):
            with pytest.raises(WeightsError, match="no tag head and is no critic yet; train one"):
                refused()


def test_published_defaults(tmp_path: Path) -> None:
    published: dict[str, Any] = {
        "layers": 28,
        "width": 8,
        "feed": 8,
        "max_position_embeddings": 32768,
    }
    left_out: dict[str, Any] = {"bidirectional_from": None, "window": None, "rope_theta": 1e6}
    config = HybridConfig.read(make_hybrid(tmp_path, **published, **left_out))
    assert (config.bidirectional_from, config.window, config.prefix) == (21, 8192, "exact")
    assert config.rope == Rope(theta=1e6)
    assert config.qkv_bias
    assert not config.head_norms


@pytest.mark.parametrize("name", ["BiLLM_START_INDEX", "bidirectional_start"])
def test_other_names_for_the_first_bidirectional_layer(tmp_path: Path, name: str) -> None:
    named: dict[str, Any] = {"bidirectional_from": None, name: 1}
    folder = make_hybrid(tmp_path, **named)
    assert HybridConfig.read(folder).bidirectional_from == 1


def test_on_the_cpu_weights_are_not_copied(tmp_path: Path) -> None:
    folder = make_hybrid(tmp_path, dtype="bfloat16")
    checkpoint = Checkpoint.open(folder)
    tensor = checkpoint.tensor("embed_tokens.weight", device=CPU, dtype=torch.bfloat16)
    expected = load_file(folder / "model.safetensors")["model.embed_tokens.weight"]
    assert torch.equal(tensor, expected)
    mapped = Path("/proc/self/maps")
    if mapped.is_file():
        address = tensor.data_ptr()
        lines = [line for line in mapped.read_text().splitlines() if str(folder) in line]
        ranges = [[int(end, 16) for end in line.split()[0].split("-")] for line in lines]
        assert any(start <= address < end for start, end in ranges)


SCALED: dict[str, dict[str, Any]] = {
    "default": {"rope_theta": 1e6},
    "linear": {"rope_scaling": {"type": "linear", "factor": 2.0}},
    "yarn": {
        "rope_theta": 1e6,
        "max_position_embeddings": 32768,
        "rope_scaling": {
            "type": "yarn",
            "factor": 4.0,
            "original_max_position_embeddings": 32768,
        },
    },
    "yarn as transformers 5 writes it": {
        "max_position_embeddings": 4096,
        "rope_parameters": {
            "rope_type": "yarn",
            "rope_theta": 1e4,
            "factor": 8.0,
            "original_max_position_embeddings": 2048,
            "beta_fast": 16,
            "beta_slow": 2,
            "attention_factor": 1.25,
        },
    },
}


@pytest.mark.parametrize("kind", SCALED)
@pytest.mark.parametrize("width", [64, 128])
def test_rotary_positions_are_transformers_own(kind: str, width: int) -> None:
    transformers = pytest.importorskip("transformers", reason="needs cprs[train]")
    utils = pytest.importorskip("transformers.modeling_rope_utils")
    given = {"hidden_size": 4 * width, "num_attention_heads": 4, "max_position_embeddings": 1024}
    given |= SCALED[kind]
    rope = Rope.of(given, where="config.json")
    config = transformers.Qwen2Config.from_dict(json.loads(json.dumps(given)))
    if kind == "default":
        expected = (1 / 1e6 ** (np.arange(0, width, 2) / width)), 1.0
    else:
        made = utils.ROPE_INIT_FUNCTIONS[rope.kind](config, CPU)
        expected = made[0].double().numpy(), made[1]
    assert np.allclose(rope.frequencies(width), expected[0], rtol=1e-5)
    assert rope.scale == pytest.approx(expected[1])


def test_scaled_positions_reach_further(tmp_path: Path) -> None:
    scaling = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1024}
    folder = make_hybrid(tmp_path, rope_scaling=scaling, window=4096)
    assert HybridConfig.read(folder).positions == 4096


CONFIGS: dict[str, tuple[dict[str, Any], str]] = {
    "family": ({"model_type": "llama"}, "holds a 'llama'; a hybrid's base is a 'qwen2' or 'qwen3'"),
    "sliding": ({"use_sliding_window": True}, "sliding windows in attention are not supported"),
    "number": ({"num_attention_heads": "four"}, "num_attention_heads is not a number"),
    "none": ({"num_hidden_layers": 0}, "num_hidden_layers is not a number"),
    "uneven": ({"num_key_value_heads": 3}, "4 heads do not share 3 heads of keys"),
    "odd": ({"head_dim": 7}, "head_dim is 7, but must be even"),
    "prefix": ({"prefix": "warm"}, "prefix is 'warm'; known: exact, frozen"),
    "from": ({"bidirectional_from": 5}, "bidirectional_from is 5, but there are 4 layers"),
    "no from": ({"bidirectional_from": None}, "bidirectional_from is 21, but there are 4 layers"),
    "window": ({"window": 2048}, "window is 2048, but .* has 1024 positions: give window=1024"),
    "published window": ({"window": None}, "window is 8192, but .* has 1024 positions"),
    "activation": ({"hidden_act": "gelu"}, "hidden_act 'gelu' is not supported"),
    "rope": ({"rope_scaling": {"type": "longrope"}}, "scaled by 'longrope' are not supported"),
    "factor": ({"rope_scaling": {"type": "yarn"}}, "rotary positions cannot be read: .*factor"),
    "quantised": ({"quantization_config": {"bits": 4}}, "already quantised"),
    "type": ({"torch_dtype": "int8"}, "weights of int8"),
    "version": ({"cprs_format": 99}, "of another version; train it again"),
    "nothing trained": ({"cprs_format": 1, "window": None}, "has no window; train it again"),
    "order": ({"id2label": {"0": "O", "1": "B", "2": "I", "3": "E"}}, "tags are in the order"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_configurations_that_are_refused(tmp_path: Path, case: str) -> None:
    change, says = CONFIGS[case]
    make_hybrid(tmp_path)
    path = tmp_path / "config.json"
    config = {**json.loads(path.read_text()), **change}
    path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))
    with pytest.raises(CprsError, match=says) as caught:
        load_critic(tmp_path)
    assert "\n" not in str(caught.value)


def _lacks(*names: str) -> Callable[[Path], None]:
    return lambda folder: rewrite(folder, lambda t: [t.pop(name) for name in names])


def _adds(name: str) -> Callable[[Path], None]:
    return lambda folder: rewrite(folder, lambda t: t.update({name: torch.zeros(3)}))


def _reshapes(name: str) -> Callable[[Path], None]:
    return lambda folder: rewrite(folder, lambda t: t.update({name: t[name][:3].clone()}))


def _truncates(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _removes(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _loses_a_shard(folder: Path) -> None:
    make_hybrid(folder, shards=3)
    (folder / "model-00002-of-00003.safetensors").unlink()


def _breaks_the_index(folder: Path) -> None:
    make_hybrid(folder, shards=3)
    (folder / "model.safetensors.index.json").write_text("{}")


UP = "model.layers.1.mlp.up_proj.weight"
FOLDERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (
        _lacks(UP),
        r"does not fit its config.json: missing model.layers.1.mlp.up_proj.weight$",
    ),
    "many missing": (
        _lacks(*[f"model.layers.{i}.self_attn.q_proj.bias" for i in range(4)]),
        r"missing model.layers.0.self_attn.q_proj.bias, .* and 1 more$",
    ),
    "unexpected": (
        _adds("model.layers.0.self_attn.q_norm.weight"),
        "unexpected model.layers.0.self_attn.q_norm.weight",
    ),
    "shape": (
        _reshapes(UP),
        r"model.layers.1.mlp.up_proj.weight is \(3, 32\), expected \(48, 32\)",
    ),
    "three tags": (_reshapes("cls_head.weight"), r"cls_head.weight is \(3, 32\), expected \(4, 32"),
    "no bias": (_lacks("cls_head.bias"), "missing cls_head.bias"),
    "truncated": (_truncates, "weights cannot be read"),
    "no weights": (_removes, r"holds no weights \(\*.safetensors\); convert the ones of torch"),
    "shard": (_loses_a_shard, "lacks model-00002-of-00003.safetensors, which model.safetensors.i"),
    "index": (_breaks_the_index, "index.json: cannot be read"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_weights_that_do_not_fit(tmp_path: Path, case: str) -> None:
    change, says = FOLDERS[case]
    make_hybrid(tmp_path)
    if case in ("shard", "index"):
        (tmp_path / "model.safetensors").unlink()
    change(tmp_path)
    with pytest.raises(WeightsError, match=says) as caught:
        load_critic(tmp_path)
    assert "\n" not in str(caught.value)


def test_without_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"tokenizer.json is missing"):
        load_critic(make_hybrid(tmp_path))


def test_errors_of_options_are_options(tmp_path: Path) -> None:
    with pytest.raises(OptionError):
        Checkpoint.open(make_hybrid(tmp_path), window=1025)
