"""A hybrid as a Hugging Face folder: made of a Qwen's, written, read again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from cprs.critics.hybrid.kind import ARCHITECTURE, CONFIG, read_config
from cprs.critics.hybrid.tokens import FILE as TOKENIZER
from cprs.errors import OptionError, WeightsError
from cprs.train.hybrid.model import HYBRIDS, Hybrid
from cprs.train.reason.reasoner import TAGS
from cprs.train.reason.recipe import Recipe

FORMAT = 1
_TOKENIZER_FILES = (
    TOKENIZER,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
)
_HEAD = "cls_head."
_OUTSIDE_FIRST = 4.0
"""The tag head's first bias of O: a twentieth of the tokens look like evidence."""


def new_hybrid(base: Path, recipe: Recipe, *, dtype: torch.dtype = torch.float32) -> Hybrid:
    """A hybrid of the Qwen in the folder `base`: its weights as `dtype`, and in float32 a tag head
    that the recipe's seed gives, and a probe if the recipe wants one.

    Raises `WeightsError` for an unusable folder, `OptionError` where the recipe does not fit it.
    """
    config = read_config(base)
    layers, most = int(config["num_hidden_layers"]), int(config["max_position_embeddings"])
    first = recipe.bidirectional_from or layers * 3 // 4
    if first >= layers:
        raise OptionError(
            f"bidirectional_from is {first}, but {base} has {layers} layers, numbered from 0"
        )
    probed = (recipe.probe_layers or max(layers // 6, 1)) if recipe.probe else 0
    if probed > first:
        raise OptionError(
            f"probe_layers is {probed}, but a probe reads causal layers, and of {base} the first"
            f" {first} are"
        )
    if recipe.window > most:
        raise OptionError(f"window is {recipe.window}, but {base} reads {most} tokens at most")
    model, missing = _load(base, dtype)
    model.cls_head.float()
    bare = {name for name in missing if not name.startswith(_HEAD)}
    if bare:
        raise WeightsError(f"{base} has no {', '.join(sorted(bare)[:3])}")
    generator = torch.Generator().manual_seed(recipe.seed)
    if missing:
        _begin(model.cls_head, model, generator)
    _place_probe(model, probed, generator)
    model.config.bidirectional_from = first
    model.config.prefix = recipe.prefix
    model.config.window = recipe.window
    model.config.cprs_format = FORMAT
    model.config.id2label = dict(enumerate(TAGS))
    model.config.label2id = {tag: i for i, tag in enumerate(TAGS)}
    model.recompute = recipe.gradient_checkpointing
    return model


def _place_probe(model: Hybrid, layers: int, generator: torch.Generator) -> None:
    """A probe behind the first `layers`, in float32; none where that is 0."""
    if layers == getattr(model.config, "probe_layers", 0):
        if model.probe_head is not None:
            model.probe_head.float()
        return
    # One of other layers, or that nobody trains along, says nothing of these.
    model.probe_head = None
    model.config.probe_layers = layers
    if layers:
        model.probe_head = nn.utils.skip_init(nn.Linear, model.config.hidden_size, len(TAGS))
        _begin(model.probe_head, model, generator)


def _begin(head: nn.Linear, model: Hybrid, generator: torch.Generator) -> None:
    """First weights of a tag head."""
    with torch.no_grad():
        head.weight.normal_(0.0, model.config.initializer_range / 4, generator=generator)
        head.bias.zero_()
        head.bias[TAGS.index("O")] = _OUTSIDE_FIRST


def save_hybrid(model: Hybrid, base: Path, out: Path) -> None:
    """Write the model in the precision of its base's weights, and the base's tokenizer."""
    wanted = read_config(base)
    dtype = getattr(torch, str(wanted.get("dtype") or wanted.get("torch_dtype")), torch.float32)
    for name in _TOKENIZER_FILES:
        if (base / name).is_file():
            shutil.copyfile(base / name, out / name)
    with _quiet():
        model.to(dtype).save_pretrained(out)


def load_hybrid(folder: Path, *, dtype: torch.dtype) -> Hybrid:
    """The hybrid in `folder`, ready to use. Raises `WeightsError` where a file is missing, broken,
    or of another version."""
    config = read_config(folder)
    where = folder / CONFIG
    if ARCHITECTURE not in (config.get("architectures") or ()):
        raise WeightsError(f"{where} is not a hybrid critic's; train one with: cprs train critic")
    if config.get("cprs_format") != FORMAT:
        raise WeightsError(f"{where} is of another version; train it again")
    for name, kind in (("bidirectional_from", int), ("window", int), ("prefix", str)):
        if not isinstance(config.get(name), kind):
            raise WeightsError(f"{where} has no {name}; train it again")
    model, missing = _load(folder, dtype)
    if missing:
        raise WeightsError(f"{folder} has no {', '.join(sorted(missing)[:3])}; train it again")
    model.eval()
    return model


def weights_digest(folder: Path) -> str:
    """Of the configuration and all weights in a folder."""
    digest = sha256((folder / CONFIG).read_bytes())
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            while block := file.read(1 << 24):
                digest.update(block)
    return digest.hexdigest()[:16]


def _load(folder: Path, dtype: torch.dtype) -> tuple[Hybrid, set[str]]:
    """The weights in a folder, and the names of those it lacks."""
    if not any(folder.glob("*.safetensors")):
        raise WeightsError(f"{folder} holds no weights (*.safetensors)")
    family: Any = HYBRIDS[read_config(folder)["model_type"]]
    try:
        with _quiet():
            model, info = family.from_pretrained(
                folder,
                dtype=dtype,
                attn_implementation="sdpa",
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
    except Exception as error:  # whatever a broken file or a wrong shape raises
        what = next(iter(str(error).strip().splitlines()), repr(error))
        raise WeightsError(f"{folder}: weights cannot be read: {what}") from error
    return model, set(info["missing_keys"])


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's bars and its remarks on new weights, which are expected here."""
    log: Any = transformers.utils.logging
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity(log.CRITICAL)
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()
