"""A training recipe: every number that decides what a critic becomes, in one YAML file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from cprs import recipes
from cprs.errors import OptionError, unknown

LEARN = ("all", "labels")
PRECISIONS = ("auto", "float32", "bfloat16")
PREFIXES = ("frozen", "exact")
LEAST_WINDOW = 64
"""A smaller one has no room for a question."""
_DATA = (
    "seed",
    "queries",
    "size",
    "made_up",
    "task_documents",
    "hard_documents",
    "evidence_windows",
    "hard_windows",
    "random_windows",
    "most_weight",
    "instructed",
)
_LATER = (
    "base_rate",
    "window",
    "bidirectional_from",
    "prefix",
    "gradient_checkpointing",
    "lora_rank",
    "lora_alpha",
    "probe",
    "probe_layers",
    "most",
    "start_share",
)
"""What a recipe's digest has only where it is set, so that runs from before it was known go on."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What `cprs train critic --recipe FILE` reads; the file may leave out any of it.

    Data: `queries` per set at most, over contexts of `size` code points; so many `made_up`
    documents (lookups, logs) beside the sets, `task_documents` of each task and length, and
    `hard_documents` of those that a prior cannot do. Per question at most so many windows with
    evidence, without it but looking most like it, and drawn from the rest, whose passages stand
    for all the rest, up to `most_weight` each; the share of questions asked through an instruction
    that names a label (`instructed`); the share that is not trained on but validated and
    calibrated with (`held_out`).

    Model: `layers` of `width`, with `heads` heads and `feed` hidden units, `dropout`. `base_rate`
    is that of pretrained weights: 0 leaves an embedded critic's base as it is, and a hybrid's
    learn at the usual one; `gradient_checkpointing` where they learn. Of a hybrid: tokens of a
    `window`, the first layer that looks both ways (`bidirectional_from`), and its `prefix`; with a
    `lora_rank` its weights stay as they are, and adapters of that rank learn, scaled by
    `lora_alpha` / rank (0: alpha is twice the rank). With a weight `probe` of its loss above 0 it
    gets a probe after its first `probe_layers` (0: a sixth of them), for `effort="fast"`.

    Steps: what to `learn` (all, or, of layers trained before, the heads for labels alone, on the
    tasks that name several); `questions` per step, of one task at most `task_questions` an epoch,
    of one that a prior cannot do `hard_questions`, of a task or set named in `most` as many as
    that says; `epochs` over the data or `steps` where above 0;
    AdamW with `rate` after `warmup` (a share of all steps), then a cosine to nothing; `decay`;
    `clip` bounds the gradient's norm. `precision`: see `PRECISIONS`; auto is bfloat16 on a GPU.
    Layers begun from others end with `start_share` of those mixed back in.

    Loss: weights of the terms in `cprs.train.reason.loss`, with `gamma`, `margin`, label smoothing
    and its value where evidence is marked coarsely.

    Afterwards: `evaluate` questions of each dev set, 0 for none. `save`: steps between checkpoints.
    """

    seed: int = 0
    queries: int = 240
    size: int = 100_000
    made_up: int = 48
    task_documents: int = 24
    hard_documents: int = 200
    evidence_windows: int = 3
    hard_windows: int = 4
    random_windows: int = 1
    most_weight: float = 20.0
    instructed: float = 0.15
    held_out: float = 0.05

    layers: int = 2
    width: int = 192
    heads: int = 6
    feed: int = 768
    dropout: float = 0.1

    base_rate: float = 0.0
    window: int = 2048
    bidirectional_from: int = 0
    prefix: str = "frozen"
    gradient_checkpointing: bool = False
    lora_rank: int = 0
    lora_alpha: float = 0.0
    probe_layers: int = 0

    questions: int = 6
    learn: str = "all"
    task_questions: int = 150
    hard_questions: int = 700
    most: dict[str, int] = field(default_factory=dict)
    epochs: float = 1.0
    steps: int = 0
    rate: float = 5e-4
    warmup: float = 0.05
    decay: float = 0.05
    clip: float = 1.0
    precision: str = "auto"
    start_share: float = 0.0

    evidence: float = 1.0
    tags: float = 0.8
    labels: float = 0.5
    ranking: float = 0.0
    contrast: float = 1.0
    anchor: float = 0.02
    probe: float = 0.0
    gamma: float = 1.0
    margin: float = 1.0
    smoothing: float = 0.02
    coarse_smoothing: float = 0.2

    evaluate: int = 16
    save: int = 200

    def __post_init__(self) -> None:
        """Raise `OptionError` for a number that means nothing."""
        sizes = ("queries", "size", "layers", "width", "heads", "feed", "save")
        for name in (*sizes, "questions", "task_questions", "hard_questions"):
            recipes.check(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        if self.width % (2 * self.heads):
            raise OptionError(
                f"heads must divide half the width: width {self.width}, heads {self.heads}"
            )
        for name in (
            "dropout",
            "held_out",
            "warmup",
            "smoothing",
            "coarse_smoothing",
            "start_share",
        ):
            recipes.check(
                0 <= getattr(self, name) < 1, name, "at least 0, below 1", getattr(self, name)
            )
        recipes.check(0 <= self.instructed <= 1, "instructed", "from 0 to 1", self.instructed)
        for name in ("rate", "clip", "most_weight"):
            recipes.check(getattr(self, name) > 0, name, "above 0", getattr(self, name))
        recipes.check(self.steps > 0 or self.epochs > 0, "epochs", "above 0", self.epochs)
        rest = (
            "evidence_windows",
            "hard_windows",
            "random_windows",
            "made_up",
            "task_documents",
            "hard_documents",
            "steps",
            "decay",
            "evidence",
        )
        losses = ("tags", "labels", "ranking", "contrast", "anchor", "probe", "gamma", "margin")
        recipes.check(
            self.window >= LEAST_WINDOW, "window", f"at least {LEAST_WINDOW}", self.window
        )
        hybrids = ("bidirectional_from", "lora_rank", "lora_alpha", "probe_layers")
        for name in (*rest, *losses, *hybrids, "evaluate", "seed", "base_rate"):
            recipes.check(getattr(self, name) >= 0, name, "at least 0", getattr(self, name))
        if self.lora_alpha and not self.lora_rank:
            raise OptionError("lora_alpha scales adapters, and lora_rank is 0: set it above 0")
        if self.probe_layers and not self.probe:
            raise OptionError("probe_layers says where a probe is, and probe is 0: set it above 0")
        terms = ("evidence", "tags", "labels", "ranking", "contrast")
        if not any(getattr(self, name) for name in terms):
            raise OptionError(f"nothing to learn from: one of {', '.join(terms)} must be above 0")
        if self.learn not in LEARN:
            raise unknown("learn", self.learn, LEARN)
        if self.precision not in PRECISIONS:
            raise unknown("precision", self.precision, PRECISIONS)
        if self.prefix not in PREFIXES:
            raise unknown("prefix", self.prefix, PREFIXES)

    @property
    def data_digest(self) -> str:
        """Of all that decides which windows are trained on."""
        chosen = {name: getattr(self, name) for name in _DATA}
        return sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def digest(self) -> str:
        """Of all that decides a step."""
        chosen = asdict(self)
        usual = asdict(Recipe())
        for name in ("evaluate", "save", *_LATER):
            if name not in _LATER or chosen[name] == usual[name]:
                del chosen[name]
        return sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()[:16]


def read_recipe(path: Path) -> Recipe:
    """A recipe from YAML. Raises `TextError` where it cannot be read, `OptionError` for a name
    that is not in `Recipe` or a value of another kind, each naming the file."""
    return recipes.read_recipe(path, Recipe, such_as="layers: 2")
