"""`vllm:...` names as critics."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cprs.critics.hybrid.hub import find_on_hub, is_hub_name
from cprs.critics.hybrid.kind import CONFIG
from cprs.critics.vllm.critic import VllmCritic
from cprs.critics.vllm.http import CONNECTIONS, TIMEOUT, Models, OnServer
from cprs.critics.vllm.process import InProcess
from cprs.critics.vllm.served import Served, local_folder
from cprs.decode import Decoding
from cprs.errors import OptionError, ServiceError, WeightsError

SCHEME = "vllm:"
KEY = "VLLM_API_KEY"
"""The environment variable with a server's key."""


def is_vllm(name: str) -> bool:
    """Whether `name` is a critic on vLLM."""
    return name.startswith(SCHEME)


def open_vllm(name: str, **options: Any) -> VllmCritic:
    """The critic called `name`: "vllm:FOLDER" runs vLLM in this process, "vllm:http://host:port"
    uses a server; "#FOLDER" behind it says where the model's tokenizer and configuration are,
    unless they are where the server reads them.

    `options`: those of `on_server` or `in_process`. Raises `OptionError`, `WeightsError`,
    `ServiceError`.
    """
    rest = name.removeprefix(SCHEME)
    if not rest:
        raise OptionError(f"{name!r} names nothing: give vllm:FOLDER or vllm:http://host:port")
    if rest.startswith(("http://", "https://")):
        return on_server(rest, **options)
    return in_process(rest, **options)


def in_process(
    name: str | Path,
    *,
    dtype: str = "auto",
    prefix_caching: bool = False,
    decoding: Decoding | None = None,
    **options: Any,
) -> VllmCritic:
    """vLLM in this process, on whatever it was built for, with the hybrid called `name`: a folder,
    or a name on the Hugging Face hub.

    `dtype`: of its layers, by default float32 on a CPU and bfloat16 elsewhere. `prefix_caching`
    computes a frozen hybrid's prompt once for eight windows; the prompt is then filled up to whole
    blocks of the cache, with which scores are a little other. `decoding`: how tags become spans
    where no budget, ratio or threshold decides. `options` go to `vllm.LLM`.
    """
    folder = find_on_hub(str(name)) if is_hub_name(str(name)) and not Path(name).is_dir() else name
    found = local_folder(folder)
    served = Served.read(found)
    runner = InProcess(found, served, dtype=dtype, prefix_caching=prefix_caching, **options)
    blocks = f"-{runner.block}" if prefix_caching else ""
    made = f"vllm-{_digest(found)}-{runner.dtype}{blocks}"
    return VllmCritic(served, runner, name=made, decoding=decoding)


def on_server(
    url: str,
    *,
    key: str = "",
    connections: int = CONNECTIONS,
    timeout: float = TIMEOUT,
    decoding: Decoding | None = None,
) -> VllmCritic:
    """The hybrid on the vLLM server at `url`, `http://host:port[/NAME][#FOLDER]`. Windows of one
    call travel together, `connections` calls at once; `timeout`: seconds without an answer."""
    address = _Address.of(url)
    key = key or os.environ.get(KEY, "")
    entry = Models(address.url, key=key).only(address.model)
    root = address.folder or str(entry.get("root") or "")
    try:
        served = Served.read(root)
    except WeightsError as error:
        if address.folder:
            raise
        raise WeightsError(
            f"{address.url} serves {root!r}, whose tokenizer is not here ({error}): say where, as"
            f" in vllm:{address.url}#FOLDER"
        ) from error
    longest = entry.get("max_model_len")
    if isinstance(longest, int) and longest < served.config.window:
        raise ServiceError(
            f"{address.url} reads {longest} tokens at once, the critic's windows have"
            f" {served.config.window}: start it with --max-model-len {served.config.window}"
        )
    model = str(entry["id"])
    runner = OnServer(address.url, model=model, key=key, connections=connections, timeout=timeout)
    name = f"vllm-{_digest(served.folder)}-{urlsplit(address.url).netloc}"
    return VllmCritic(served, runner, name=name, decoding=decoding)


@dataclass(frozen=True, slots=True)
class _Address:
    url: str
    model: str
    folder: str

    @classmethod
    def of(cls, text: str) -> _Address:
        url, _, folder = text.partition("#")
        parts = urlsplit(url)
        model = parts.path.strip("/")
        # As other clients are given it; who logs in does so with a key.
        host = parts.netloc.rpartition("@")[2]
        return cls(f"{parts.scheme}://{host}", "" if model == "v1" else model, folder)


def _digest(folder: Path) -> str:
    """Of the configuration and the names, sizes and beginnings of all weights."""
    digest = sha256((folder / CONFIG).read_bytes())
    for path in sorted(folder.glob("*.safetensors")):
        digest.update(f"{path.name} {path.stat().st_size}".encode())
        with path.open("rb") as file:
            digest.update(file.read(1 << 20))
    return digest.hexdigest()[:8]
