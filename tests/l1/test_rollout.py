"""Rollouts: here, and on a server that speaks vLLM's wire; and the policy they are of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs cprs[l1]")
pytest.importorskip("transformers", reason="needs cprs[l1]")

from model_endpoint import serving
from toys import RECIPE, TOKENIZER, data, policy, trainer

from cprs.errors import OptionError, ServiceError, WeightsError
from cprs.l1.batches import collate, micro_batches, score
from cprs.l1.objective import token_logprobs
from cprs.l1.policy import load_policy, save_policy
from cprs.l1.record import STEPS, read_steps
from cprs.l1.rollout.base import Ask, Sampling
from cprs.l1.rollout.gap import BOUND, sampler_gap
from cprs.l1.rollout.generate import Generate

torch.set_num_threads(1)
SAMPLING = Sampling(temperature=1.0, top_p=1.0, longest=6)
ASKS = [Ask("a", (3, 4, 5)), Ask("b", (7,)), Ask("c", (6, 5, 4, 3, 8))]


def test_padding_changes_no_log_probability() -> None:
    """Each output's log-probabilities in a padded batch are those it has alone, by hand."""
    made = policy()
    pairs = [((3, 4, 5), (6, 7)), ((9,), (4, 4, 4, 1)), ((5, 6), (1,))]
    batch = collate(pairs, pad=made.pad, device=made.device)
    assert batch.mask.sum(dim=-1).tolist() == [2, 4, 1]
    with torch.no_grad():
        found, entropy = score(made, batch, entropy=True)
        for row, (prompt, output) in enumerate(pairs):
            ids = torch.tensor([[*prompt, *output]])
            logits = made.model(input_ids=ids).logits[0, len(prompt) - 1 : -1]
            alone = token_logprobs(logits, torch.tensor(output))
            assert torch.allclose(found[row, : len(output)], alone, atol=1e-5)
    assert entropy is not None
    assert (entropy > 0).all()


def test_checkpointing_goes_forward_twice_to_the_same_gradients(tmp_path: Path) -> None:
    made = policy()
    made.model.config.attention_dropout = 0.5
    save_policy(made, tmp_path)
    pairs = [((3, 4, 5), (6, 7)), ((9,), (4, 4, 4, 1))]
    found = []
    for checkpointing, times in ((False, 1), (True, 2)):
        one = load_policy(tmp_path, gradient_checkpointing=checkpointing)
        calls: list[int] = []
        one.model.model.layers[0].mlp.register_forward_pre_hook(
            lambda *_, calls=calls: calls.append(1)
        )
        batch = collate(pairs, pad=one.pad, device=one.device)
        logprobs, _ = score(one, batch)
        (logprobs * batch.mask).sum().backward()
        assert len(calls) == times
        found.append(one.model.model.layers[0].mlp.up_proj.weight.grad)
    assert torch.equal(found[0], found[1])


def test_batches_hold_as_many_tokens_as_they_may() -> None:
    assert micro_batches([10, 1, 5, 5, 30], tokens=20) == [[4], [0, 2], [3, 1]]
    found = micro_batches([3] * 7, tokens=9)
    assert sorted(number for batch in found for number in batch) == list(range(7))
    with pytest.raises(OptionError, match="none of them empty"):
        collate([((), (1,))], pad=0, device=torch.device("cpu"))


def test_sampling_depends_on_the_seed_alone() -> None:
    backend = Generate()
    with pytest.raises(OptionError, match="call refresh first"):
        backend.generate(ASKS, SAMPLING, n=2, seed=1)
    made = policy()
    backend.refresh(made)
    first = backend.generate(ASKS, SAMPLING, n=3, seed=1)
    state = torch.get_rng_state()
    assert backend.generate(ASKS, SAMPLING, n=3, seed=1) == first
    assert torch.equal(torch.get_rng_state(), state)
    assert backend.generate(ASKS, SAMPLING, n=3, seed=2) != first
    assert [[one.uid for one in group] for group in first] == [["a"] * 3, ["b"] * 3, ["c"] * 3]
    for group in first:
        for one in group:
            assert 1 <= len(one.ids) <= 6
            assert one.finished == (one.ids[-1] == TOKENIZER.eos_token_id)
            assert TOKENIZER.eos_token_id not in one.ids[:-1]
            assert one.text == TOKENIZER.decode(one.ids, skip_special_tokens=True)


def test_a_models_own_ways_to_sample_are_left_aside() -> None:
    made = policy()
    backend = Generate()
    backend.refresh(made)
    plain = backend.generate(ASKS, SAMPLING, n=2, seed=1)
    own = made.model.generation_config
    own.suppress_tokens = [plain[0][0].ids[0]]
    assert backend.generate(ASKS, SAMPLING, n=2, seed=1) == plain
    assert made.model.generation_config is own


def test_sampled_tokens_are_as_likely_as_the_policy_says() -> None:
    """Over many draws of one token, each token's share is its probability."""
    made = policy()
    backend = Generate()
    backend.refresh(made)
    found = backend.generate([ASKS[0]], replace(SAMPLING, longest=1), n=4000, seed=3)[0]
    shares = torch.bincount(torch.tensor([one.ids[0] for one in found]), minlength=len(TOKENIZER))
    logits = made.model(input_ids=torch.tensor([[3, 4, 5]])).logits[0, -1]
    apart = shares / 4000 - logits.softmax(-1)
    assert apart.abs().max() < 0.02


class Wire:
    """What a vLLM server answers: completions with token ids, and its development endpoints."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.weights: list[Path] = []
        self.broken: dict[str, int] = {}
        self.cut = 0
        self.ids = True

    def __call__(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.seen.append((path, body))
        if path in self.broken:
            return self.broken[path], {"error": {"message": "no"}}
        if path == "/collective_rpc":
            folder = Path(body["kwargs"]["weights_path"])
            assert body["method"] == "reload_weights"
            assert (folder / "model.safetensors").exists()
            self.weights.append(folder)
            return 200, {"results": [None]}
        if path in ("/reset_prefix_cache", "/v1/load_lora_adapter", "/v1/unload_lora_adapter"):
            return 200, {}
        assert path == "/v1/completions"
        choices = []
        for index in reversed(range(body["n"] - self.cut)):
            ids = [3 + index, 4, 1]
            choice = {
                "index": index,
                "text": TOKENIZER.decode(ids, skip_special_tokens=True),
                "finish_reason": "stop" if index else "length",
                "logprobs": {"token_logprobs": [-0.5, -1.0, -0.25]},
            }
            choices.append({**choice, **({"token_ids": ids} if self.ids else {})})
        whole = {"id": "x", "object": "text_completion", "created": 0, "model": body["model"]}
        return 200, {**whole, "choices": choices}


@pytest.fixture
def vllm() -> Any:
    pytest.importorskip("openai", reason="needs cprs[l1]")
    from cprs.l1.rollout.vllm import Vllm

    return Vllm


def test_a_vllm_server_is_asked_by_token_ids(tmp_path: Path, vllm: Any) -> None:
    wire = Wire()
    with serving(wire) as url:
        backend = vllm(url, "policy", tmp_path / "w", concurrency=2)
        backend.refresh(policy())
        found = backend.generate(ASKS, replace(SAMPLING, top_k=5), n=2, seed=7)
    assert [path for path, _ in wire.seen[:2]] == ["/collective_rpc", "/reset_prefix_cache"]
    asked = {tuple(body["prompt"]): body for path, body in wire.seen[2:]}
    assert set(asked) == {ask.ids for ask in ASKS}
    body = asked[(3, 4, 5)]
    expected = {"model": "policy", "n": 2, "temperature": 1.0, "top_p": 1.0, "max_tokens": 6}
    expected |= {"top_k": 5, "return_token_ids": True, "logprobs": 0, "seed": 7}
    expected |= {"repetition_penalty": 1.0, "min_p": 0.0}
    assert {name: body[name] for name in expected} == expected
    assert [one.ids for one in found[0]] == [(3, 4, 1), (4, 4, 1)]
    assert found[1][0].prompt_ids == (7,)
    assert found[0][0].logprobs == (-0.5, -1.0, -0.25)
    assert [one.finished for one in found[2]] == [False, True]


def test_each_refresh_hands_over_the_weights_of_the_time(tmp_path: Path, vllm: Any) -> None:
    from safetensors.torch import load_file

    wire, made = Wire(), policy()
    with serving(wire) as url:
        backend = vllm(url, "policy", tmp_path / "w")
        for value in (1.0, 2.0):
            with torch.no_grad():
                made.model.model.norm.weight.fill_(value)
            backend.refresh(made)
            weights = load_file(wire.weights[-1] / "model.safetensors")
            assert weights["model.norm.weight"].unique().tolist() == [value]


@pytest.mark.filterwarnings("ignore:.*checkpointing.*:FutureWarning")  # peft asks by the old name
def test_of_lora_the_adapters_are_handed_over(tmp_path: Path, vllm: Any) -> None:
    pytest.importorskip("peft", reason="needs peft")
    wire, made = Wire(), policy(lora_rank=2)
    wire.broken["/v1/unload_lora_adapter"] = 404  # the server has none of an earlier run
    with serving(wire) as url:
        backend = vllm(url, "policy", tmp_path / "w", retries=0)
        for _ in range(2):
            backend.refresh(made)
        backend.generate(ASKS, SAMPLING, n=2, seed=7)
    told = [(path.rpartition("/")[2], body.get("lora_name")) for path, body in wire.seen[:-3]]
    first, second = "policy-lora-1", "policy-lora-2"
    assert set(told[3:5]) == {("unload_lora_adapter", first), ("unload_lora_adapter", second)}
    assert told[:3] == [
        ("unload_lora_adapter", first),
        ("load_lora_adapter", first),
        ("reset_prefix_cache", None),
    ]
    assert told[5:] == [("load_lora_adapter", second), ("reset_prefix_cache", None)]
    assert {body["model"] for _, body in wire.seen[-3:]} == {second}
    assert (tmp_path / "w/current/adapter_model.safetensors").exists()


def test_a_server_that_fails_says_how(tmp_path: Path, vllm: Any) -> None:
    wire = Wire()
    with serving(wire) as url:
        backend = vllm(url, "policy", tmp_path / "w", retries=0)
        wire.broken = {"/collective_rpc": 404}
        with pytest.raises(ServiceError, match="VLLM_SERVER_DEV_MODE=1"):
            backend.refresh(policy())
        wire.broken = {"/v1/completions": 400}
        with pytest.raises(ServiceError, match="the rollout server failed"):
            backend.generate(ASKS, SAMPLING, n=2, seed=0)
        wire.broken, wire.cut = {}, 1
        with pytest.raises(ServiceError, match="2 outputs were asked for and 1 came"):
            backend.generate(ASKS, SAMPLING, n=2, seed=0)
        wire.cut, wire.ids = 0, False
        with pytest.raises(ServiceError, match="without token ids"):
            backend.generate(ASKS, SAMPLING, n=2, seed=0)
    with pytest.raises(OptionError, match="at least 1"):
        vllm("http://127.0.0.1:9/v1", "m", tmp_path, concurrency=0)


def test_the_loop_trains_on_what_a_server_sampled(tmp_path: Path, vllm: Any) -> None:
    wire = Wire()
    recipe = replace(RECIPE, sft_steps=0, steps=(1,), limits=(40,), dynamic=False, evaluate=0)
    with serving(wire) as url:
        backend, said = vllm(url, "policy", tmp_path / "w"), list[str]()
        trainer(tmp_path / "run", recipe, backend=backend, say=said.append).run()
    paths = [path for path, _ in wire.seen]
    assert paths.count("/v1/completions") == recipe.batch
    assert paths.count("/collective_rpc") == 1
    # What this server says of its outputs is not what the policy says of them.
    (row,) = read_steps(tmp_path / "run" / STEPS)
    assert float(row["sampler_gap"]) > BOUND
    assert any("it samples from other weights" in line for line in said)


def test_a_server_that_follows_is_close() -> None:
    made = policy()
    backend = Generate()
    backend.refresh(made)
    groups = backend.generate(ASKS, SAMPLING, n=2, seed=1)
    assert sampler_gap(made, groups) is None
    first = [group[0] for group in groups]
    batch = collate([(o.prompt_ids, o.ids) for o in first], pad=made.pad, device=made.device)
    with torch.no_grad():
        logprobs, _ = score(made, batch)
    told = [
        [replace(one, logprobs=tuple((row[: len(one.ids)] + 0.25).tolist()))]
        for one, row in zip(first, logprobs, strict=True)
    ]
    assert sampler_gap(made, told) == pytest.approx(0.25, abs=1e-5)


def test_a_policy_is_saved_and_loaded(tmp_path: Path) -> None:
    made = policy()
    save_policy(made, tmp_path / "p")
    again = load_policy(tmp_path / "p", gradient_checkpointing=True)
    ids = torch.tensor([[3, 4, 5]])
    with torch.no_grad():
        assert torch.equal(again.model(ids).logits, made.model(ids).logits)
    assert again.ends == {TOKENIZER.eos_token_id}
    for text in ("ban:red dal:blue\nban", "</think> the answer is red"):
        assert again.tokenizer.encode(text) == TOKENIZER.encode(text) != []
    with pytest.raises(WeightsError, match="no causal language model"):
        load_policy(tmp_path / "nothing")


def gradient(made: Any, **options: Any) -> Any:
    made.model.train()
    batch = collate([((3, 4), (5, 6)), ((7,), (8,))], pad=made.pad, device=made.device)
    logprobs, _ = score(made, batch)
    (logprobs * batch.mask).sum().backward()
    return made.model.model.layers[0].mlp.up_proj.weight.grad


def test_checkpointed_gradients_are_the_same_and_bfloat16_ones_near() -> None:
    exact = gradient(policy())
    assert torch.allclose(gradient(policy(gradient_checkpointing=True)), exact, atol=1e-6)
    short = policy(precision="bfloat16")
    near = gradient(short)
    assert short.model.lm_head.weight.dtype == torch.float32
    assert not torch.equal(near, exact)
    assert torch.allclose(near, exact, atol=0.05 * float(exact.abs().max()) + 1e-3)


def test_long_outputs_are_scored_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    import cprs.l1.batches as module

    pairs = [((3, 4), (5, 6, 7, 8, 9)), ((7,), (8, 1))]

    def both() -> tuple[Any, Any]:
        made = policy()
        batch = collate(pairs, pad=made.pad, device=made.device)
        logprobs, entropy = score(made, batch, entropy=True, entropy_gradient=True)
        assert entropy is not None
        ((logprobs + entropy) * batch.mask).sum().backward()
        return logprobs.detach(), made.model.model.norm.weight.grad

    whole = both()
    monkeypatch.setattr(module, "CHUNK", 2)
    for one, other in zip(whole, both(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*checkpointing.*:FutureWarning")  # peft asks by the old name
def test_adapters_alone_learn(tmp_path: Path) -> None:
    pytest.importorskip("peft", reason="needs peft")
    made = policy(lora_rank=2, gradient_checkpointing=True)
    before = {name: tensor.clone() for name, tensor in made.model.state_dict().items()}
    recipe = replace(RECIPE, sft_steps=1, steps=(1,), lora_rank=2, evaluate=0)
    trainer(tmp_path, recipe, policy=made).run()
    moved = {n for n, t in made.model.state_dict().items() if not torch.equal(t, before[n])}
    assert moved
    assert all("lora_" in name for name in moved)
    saved = json.loads((tmp_path / "policy" / "adapter_config.json").read_text())
    assert saved["r"] == 2
    assert not (tmp_path / "policy" / "model.safetensors").exists()
    assert len(data().examples) == 20
