"""Critics by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cprs.critics.base import Scorer, State, TokenCritic, TokenScores, decoding_of
from cprs.errors import OptionError, unknown

__all__ = [
    "Scorer",
    "State",
    "TokenCritic",
    "TokenScores",
    "check_critic",
    "decoding_of",
    "known_critics",
    "load_critic",
]


def load_critic(name: str | Path, *, device: str = "cpu") -> TokenCritic:
    """The critic called `name`, or the one whose folder `name` is a path to: exported, trained, or
    a hybrid's, which may also be named as on the Hugging Face hub. "vllm:" before a hybrid, or
    before a server's URL, has vLLM run it; "@cuda:1" behind one is its `device`, where there is no
    other place to say it. A hybrid runs on several devices where they are named with commas
    between them ("cuda:0,cuda:1"), or as "all" GPUs.

    Raises `OptionError` for an unknown name or device, `WeightsError` for unusable weights,
    `ServiceError` for a vLLM that does not run.
    """
    from cprs.critics.hybrid.hub import find_on_hub, is_hub_name
    from cprs.critics.vllm.opening import is_vllm, open_vllm

    if isinstance(name, str):
        name, device = _placed(name, device)
    if isinstance(name, str) and name in _CRITICS:
        return _CRITICS[name](device)
    if isinstance(name, str) and is_vllm(name):
        return open_vllm(name)
    if str(name) and Path(name).is_dir():
        return _read(Path(name), device)
    if isinstance(name, str) and is_hub_name(name):
        return _hybrid(find_on_hub(name), device)
    raise _unknown(str(name))


def check_critic(name: str) -> None:
    """Raises `OptionError` for a name that `load_critic` does not know. Loads nothing."""
    from cprs.critics.hybrid.hub import is_hub_name
    from cprs.critics.vllm.opening import is_vllm

    bare, _ = _placed(name, "cpu")
    found = bare in _CRITICS or is_vllm(bare) or is_hub_name(bare)
    if not found and not (bare and Path(bare).is_dir()):
        raise _unknown(bare)


def _unknown(name: str) -> OptionError:
    known = [
        *_CRITICS,
        "a folder made by `cprs export` or `cprs train`",
        "a hybrid's folder, or its name on the Hugging Face hub",
        "vllm: before one of those or before http://host:port",
    ]
    return unknown("critic", name, known)


def known_critics() -> tuple[str, ...]:
    """The names `load_critic` knows."""
    return tuple(_CRITICS)


def _embedded(device: str) -> TokenCritic:
    return _folder(None, device)


def _read(path: Path, device: str) -> TokenCritic:
    """The critic in a folder, by what lies there."""
    from cprs.critics.hybrid.kind import is_hybrid, model_type

    # Trained but not exported: torch runs it.
    if (path / "reasoner.safetensors").is_file():
        return _trained(path, device)
    exported = (path / "manifest.json").is_file()
    # Of another family than a hybrid's, it is told so; a BERT's is an embedded one's base.
    other = model_type(path) not in ("", "bert") and not exported
    return (_hybrid if is_hybrid(path) or other else _folder)(path, device)


def _folder(path: Path | None, device: str) -> TokenCritic:
    from cprs.critics.embedded import EmbeddedCritic

    _cpu_only("the embedded critic", device)
    return EmbeddedCritic.load(path)


def _prior(device: str) -> TokenCritic:
    return _without_layers(device, trained=True)


def _untrained(device: str) -> TokenCritic:
    return _without_layers(device, trained=False)


def _without_layers(device: str, *, trained: bool) -> TokenCritic:
    from cprs.critics.embedded import EmbeddedCritic
    from cprs.critics.embedded_base import Base
    from cprs.critics.prior import Prior

    _cpu_only("a prior", device)
    prior = Prior.load()
    if not trained:
        return EmbeddedCritic(Base.load(), prior.untrained(), called="untrained")
    return EmbeddedCritic(Base.load(), prior, called="prior")


def _trained(path: Path, device: str) -> TokenCritic:
    from cprs.train.extras import require

    require("torch", "onnx", "safetensors", what=f"the trained critic in {path}")
    from cprs.train.reason.reasoned import load_trained

    _cpu_only("a trained critic", device)
    return load_trained(path)


def _hybrid(path: Path, device: str) -> TokenCritic:
    from cprs.train.extras import require

    require("torch", "safetensors", what=f"the hybrid critic in {path}", extra="torch")
    from cprs.critics.hybrid.critic import HybridCritic
    from cprs.critics.hybrid.parallel import load_parallel
    from cprs.critics.hybrid.placement import devices

    several = devices(device)
    if len(several) > 1:
        return load_parallel(path, devices=several)
    return HybridCritic.load(path, device=several[0])


def _placed(name: str, device: str) -> tuple[str, str]:
    """A name without the device behind it, and that device, or the one given."""
    bare, _, behind = name.rpartition("@")
    named = behind == "all" or behind.startswith(("cpu", "cuda"))
    return (bare, behind) if bare and named else (name, device)


def _lexical(device: str) -> TokenCritic:
    from cprs.critics.lexical import LexicalCritic

    _cpu_only("the lexical critic", device)
    return LexicalCritic()


def _sentence(device: str) -> TokenCritic:
    from cprs.critics.sentence import SentenceCritic

    _cpu_only("the sentence-embedding baseline", device)
    return SentenceCritic.load()


def _cpu_only(who: str, device: str) -> None:
    if device != "cpu":
        raise OptionError(f"{who} runs on the CPU: device must be 'cpu', got {device!r}")


_CRITICS: dict[str, Callable[[str], TokenCritic]] = {
    "embedded": _embedded,
    "lexical": _lexical,
    "minilm": _sentence,
    # The embedded critic without its reasoning layers, fitted and not: for comparison.
    "prior": _prior,
    "untrained": _untrained,
}
