"""A critic on a vLLM server: what is asked, what is made of answers, and what goes wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programmable import Pause, Script, Seen, Upstream, garbage, plain, reset
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from cprs import Compressor
from cprs.critics import load_critic
from cprs.critics.vllm.http import ATTEMPTS, OnServer
from cprs.critics.vllm.opening import on_server
from cprs.errors import CprsError, OptionError, ServiceError, WeightsError
from cprs.guidance import Guidance
from cprs.windows import Window, cut_windows

PROMPT = np.array([1, 5, 6], np.int32)
WINDOWS = [np.array([7, 8, 9], np.int32), np.array([10], np.int32)]


def pooled(*sequences: Any) -> Script:
    """Rows per sequence as vLLM writes them."""
    items, body = [], b""
    for index, rows in enumerate(sequences):
        data = np.asarray(rows, "<f4")
        item = {"index": index, "start": len(body), "end": len(body) + data.nbytes}
        items.append({**item, "shape": data.shape, "embed_dtype": "float32"})
        body += data.tobytes()
    # Not in the order they were asked in: the index counts.
    metadata = json.dumps({"data": items[::-1]})
    return plain(body, headers=[("metadata", metadata)], content_type="application/octet-stream")


def echo(seen: Seen) -> Script:
    """Answers each token with its id, 4 + 3 times."""
    return pooled(*(np.repeat(np.array(ids)[:, None], 7, axis=1) for ids in seen.json["input"]))


@pytest.fixture
def vllm() -> Iterator[Upstream]:
    server = Upstream(echo)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def runner(vllm: Upstream, **more: Any) -> OnServer:
    return OnServer(vllm.url, model="critic", sleep=lambda _: None, **more)


def test_windows_of_a_call_travel_together(vllm: Upstream) -> None:
    found = runner(vllm, key="secret").run(PROMPT, WINDOWS, ())
    assert [logits.tolist() for logits in found] == [[[i] * 7 for i in w] for w in WINDOWS]
    (seen,) = vllm.seen
    assert seen.target == "/pooling"
    assert seen.header("authorization") == "Bearer secret"
    assert seen.json == {
        "model": "critic",
        "input": [[1, 5, 6, 7, 8, 9], [1, 5, 6, 10]],
        "task": "token_classify",
        "use_activation": False,
        "encoding_format": "bytes",
        "endianness": "little",
    }


def test_connections_are_kept_and_bounded(vllm: Upstream) -> None:
    begun = threading.Barrier(8)

    def slow(seen: Seen) -> Script:
        return Script((Pause(0.2), *echo(seen).steps))

    vllm.default = slow
    asked = runner(vllm, connections=2)

    def ask() -> None:
        begun.wait(30)
        asked.run(PROMPT, WINDOWS, ())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(vllm.seen) == 8
    assert vllm.connections == 2


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (reset(), None),
        (garbage(), None),
        (plain({"error": {"message": "later"}}, status=429, headers=[("retry-after", "7")]), 7),
        (plain(b"", status=503), None),
    ],
)
def test_what_may_pass_is_tried_again(vllm: Upstream, broken: Script, told: float | None) -> None:
    waited: list[float] = []
    vllm.reply(broken, broken)
    asked = OnServer(vllm.url, model="critic", sleep=waited.append)
    assert len(asked.run(PROMPT, WINDOWS, ())) == 2
    assert len(vllm.seen) == 3
    first, second = waited
    assert (first == told) if told else (0 < first < second)


def error(message: str, status: int = 400) -> Script:
    return plain({"error": {"message": message, "code": status}}, status=status)


@pytest.mark.parametrize(
    ("answer", "said", "asked"),
    [
        (plain({"detail": "Not Found"}, status=404), "vLLM without cprs's plugin", 1),
        (error("Unsupported task: 'token_classify'"), "without --runner pooling", 1),
        (error("model `critic` does not exist", 410), "answered 410: model `critic`", 1),
        (plain(b"", status=401), "wants a key (status 401): set VLLM_API_KEY", 1),
        (plain(b"nothing", status=500), "answered 500: nothing", 1),
        (plain(b"", status=503), "answered 503", ATTEMPTS),
        (reset(), "no vLLM server at", ATTEMPTS),
        (plain({}), "the answer cannot be read", 1),
        (pooled([[0.0] * 7] * 6), "answered 1 of 2 windows", 1),
    ],
)
def test_an_answer_of_no_use_is_one_clear_error(
    vllm: Upstream, answer: Script, said: str, asked: int
) -> None:
    vllm.default = lambda _: answer
    with pytest.raises(ServiceError) as raised:
        runner(vllm).run(PROMPT, WINDOWS, ())
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(vllm.seen) == asked


def test_a_server_that_says_nothing(vllm: Upstream) -> None:
    vllm.default = lambda _: Script((Pause(30),))
    with pytest.raises(ServiceError, match=r"did not answer in 0\.2 s"):
        runner(vllm, timeout=0.2).run(PROMPT, WINDOWS, ())


def test_nobody_listens() -> None:
    with pytest.raises(ServiceError, match=r"no vLLM server at .*:9 .*start one with"):
        OnServer("http://127.0.0.1:9", model="m", sleep=lambda _: None).run(PROMPT, WINDOWS, ())


# The critic as a whole, over a server that speaks as vLLM does.


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a client needs of a hybrid: its configuration and a tokenizer of bytes."""
    made = tmp_path_factory.mktemp("hybrid")
    tokens = Tokenizer(models.BPE())
    tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    markers = ["<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=258, special_tokens=markers, initial_alphabet=alphabet, show_progress=False
    )
    tokens.train_from_iterator([], trainer)
    tokens.save(str(made / "tokenizer.json"))
    config = {
        "model_type": "qwen2",
        "vocab_size": 258,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "bidirectional_from": 2,
        "prefix": "frozen",
        "window": 1024,
        "labels": ["fact", "proof"],
    }
    (made / "config.json").write_text(json.dumps(config))
    return made


def serve(
    vllm: Upstream, folder: Path, logits: Callable[[int], Any], **more: Any
) -> Callable[[Seen], Script]:
    """A vLLM that answers `logits` of each token id."""

    def answer(seen: Seen) -> Script:
        if seen.path == "/v1/models":
            entry = {"id": "critic", "root": str(folder), "max_model_len": 1024}
            return plain({"object": "list", "data": [{**entry, **more}]})
        return pooled(*([logits(i) for i in ids] for ids in seen.json["input"]))

    vllm.default = answer
    return answer


def tagged(token: int) -> list[float]:
    """Evidence, if the id is even; the label "proof"."""
    return [4.0 if token % 2 == 0 else -4.0, -9, 0, -9, 0, -9, 9]


def windows_of(critic: Any, text: str) -> list[Window]:
    encoded = critic.encode(text)
    return cut_windows(encoded, np.array([0, len(text)]), size=critic.window)


def test_the_critic_scores_what_the_server_says(vllm: Upstream, folder: Path) -> None:
    serve(vllm, folder, tagged)
    critic = load_critic(f"vllm:{vllm.url}")
    text = "The committee met. Rain had fallen all night in the old library. " * 9
    windows = windows_of(critic, text)
    guidance = Guidance.parse("Tag proof with 'proof'.", "Who met?")
    scores = critic.ask(guidance, windows)(windows, [()] * len(windows))
    assert len(vllm.seen) == 2, "one request for all windows"
    for window, found in zip(windows, scores, strict=True):
        assert found.tags is not None
        assert found.labels is not None
        even = window.token_ids % 2 == 0
        assert ((found.tags.argmax(1) == 0) == even).all()
        assert found.labels.shape == (len(window), 1)
        assert (found.labels > 0.99).all()
        for a, b in window.units.tolist():
            # ln Σ e^z of B I E less z_O, in the mean of the passage.
            odds = np.log(np.exp(np.where(even[a:b], 4.0, -4.0)) + 2 * np.exp(-9.0)).mean()
            np.testing.assert_allclose(found.keep[a:b], 1 / (1 + np.exp(-odds)), rtol=1e-5)


def test_a_label_that_the_server_has_no_row_for(vllm: Upstream, folder: Path) -> None:
    serve(vllm, folder, tagged)
    critic = on_server(vllm.url)
    windows = windows_of(critic, "Rain had fallen.")
    scorer = critic.ask(Guidance.parse("Tag it with 'clue'."), windows)
    assert scorer(windows, [()])[0].labels is None
    assert any("no rows for label 'clue'" in said for said in scorer.warnings)


def test_what_cannot_be_told_apart_is_said(vllm: Upstream, folder: Path) -> None:
    serve(vllm, folder, tagged)
    critic = on_server(vllm.url)
    scorer = critic.ask(Guidance(query="Who?" * 999, labels=("fact", "finding")), [])
    assert "too long" in scorer.warnings[0]
    assert "labels 'fact' and 'finding' begin alike" in scorer.warnings[1]


def test_a_window_that_does_not_fit(vllm: Upstream, folder: Path) -> None:
    serve(vllm, folder, tagged)
    critic = on_server(vllm.url)
    encoded = critic.encode("a" * 1020)
    windows = cut_windows(encoded, np.array([0, 1020]), size=1020)
    with pytest.raises(OptionError, match="a window of 1020 tokens does not fit"):
        critic.ask(Guidance(query="Who?"), windows)(windows, [()])


def test_compressing_on_a_server(vllm: Upstream, folder: Path) -> None:
    serve(vllm, folder, tagged)
    text = "Maria Alvarez took the chair. " * 3 + "Rain had fallen all night. " * 40
    url = vllm.url.replace("http://", "http://me:secret@")
    done = Compressor(f"vllm:{url}/v1").compress(text, query="Who?", ratio=4)
    assert 0 < done.tokens_out <= done.tokens_in / 4
    assert done.critic.startswith("vllm-")
    assert "secret" not in done.critic


@pytest.mark.parametrize(
    ("more", "name", "kind", "said"),
    [
        ({"max_model_len": 512}, "", ServiceError, "start it with --max-model-len 1024"),
        ({"root": "/no/such"}, "", WeightsError, "say where, as in vllm:"),
        ({}, "/other", ServiceError, "serves critic, not other"),
        ({}, "#/no/such", WeightsError, "/no/such is neither a folder"),
    ],
)
def test_a_server_of_something_else(
    vllm: Upstream, folder: Path, more: Any, name: str, kind: type[CprsError], said: str
) -> None:
    serve(vllm, folder, tagged, **more)
    with pytest.raises(kind, match=said):
        load_critic(f"vllm:{vllm.url}{name}")


def test_a_model_that_is_no_critic(vllm: Upstream, folder: Path) -> None:
    serve(vllm, folder, lambda _: [0.0] * 32)
    with pytest.raises(ServiceError, match="does not run this hybrid with cprs's plugin"):
        Compressor(f"vllm:{vllm.url}").compress("Rain had fallen. " * 90, query="Who?", ratio=2)


@pytest.mark.parametrize("name", ["vllm:", "vllm:http://", "vllm:http://a:b", "vllm:https:///x"])
def test_what_is_no_address(name: str) -> None:
    with pytest.raises(OptionError, match="http://host:port"):
        load_critic(name)


def test_in_process_without_vllm(folder: Path) -> None:
    import importlib.util

    if importlib.util.find_spec("vllm") is not None:
        pytest.skip("vLLM is here")
    with pytest.raises(OptionError, match=r"pip install 'cprs\[vllm\]'"):
        load_critic(f"vllm:{folder}")
