"""A recipe of training: every number that decides what a policy becomes, in one YAML file.

What is as in arXiv 2505.17667, or in its released script where the paper has no number, is noted
at each; docs/l1.md says which are ours.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from cprs import recipes
from cprs.errors import OptionError, unknown
from cprs.l1.behaviours import COUNTS
from cprs.l1.names import AGGREGATIONS
from cprs.l1.prompt import OVER, TEMPLATES
from cprs.l1.retrospective import MODES
from cprs.l1.reward.hybrid import RULES

PRECISIONS = ("auto", "float32", "bfloat16")
SCORERS = ("base", "current")
BACKENDS = ("generate", "vllm")
REFERENCES = ("none", "start")
_LATER = ("save", "evaluate", "evaluate_samples", "behaviours", "behaviours_outputs")
"""What does not change what is learnt: a run may go on with other values."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What `cprs l1 train --recipe FILE` reads; the file may leave out any of it.

    Asking: the prompt's `template`, what opens the output (`opening`), how many tokens of a prompt
    are too many (`prompt_limit`, 0 for the last phase's limit plus 256) and whether those are
    dropped or truncated (`over`).

    Reward: `rule`, whether `thinking` must end, the part of the output's length in which it costs
    (`overlong_buffer` of eq. 7, 0 for none).

    Warm-up: `sft_steps` of `sft_batch` triplets at `sft_rate`; 0 steps for none. It ends before
    where a step's loss is at most `sft_enough`.

    Phases: the rising `limits` of eq. (9); `steps` of each, one number for all or one each.
    `curriculum: false` makes them one phase. `first_phase` leaves out those before it.
    `retention` of hard examples (eq. 10) is `none`, `zero_only` or `weighted` over `floor`; so many
    as `retained`, with or without replacement (`retain_twice`), scored by the `current` policy's
    last groups, or by the `base` policy, sampled on all of a phase before it begins.

    Steps: `batch` prompts in groups of `group` outputs, `mini` prompts to an update; `dynamic`
    sampling in at most `rounds`. Sampling: `temperature`, `top_p`, `top_k` (0: none), at most
    `longest` tokens. Loss: `clip_low`, `clip_high` (equal: no clip-higher), `aggregation` (token:
    DAPO, eq. 6; sequence: GRPO, eq. 4), `scale_advantages`, `beta` and the `reference` it needs,
    `entropy_weight`. AdamW at `rate` after `warmup` steps, `decay`, gradients clipped to `clip`.

    Running: `micro_tokens` to a forward pass; `precision` (auto: bfloat16 on a GPU, with float32
    weights beside), `gradient_checkpointing`, `lora_rank` (0: all weights), `lora_alpha`;
    `backend`; a checkpoint every `save` steps; at the borders of phases, `evaluate` held-out
    examples with `evaluate_samples` outputs each. `behaviours` are counted in every step's outputs
    by their `words`, or by the `judge` in `behaviours_outputs` of them.
    """

    seed: int = 0

    template: str = "published"
    opening: str = ""
    prompt_limit: int = 0
    over: str = "drop"

    rule: str = "cover"
    thinking: bool = True
    overlong_buffer: int = 1000  # released script

    sft_steps: int = 0
    sft_batch: int = 128
    sft_rate: float = 5e-6
    sft_enough: float = 0.0

    limits: tuple[int, ...] = (20_000, 60_000)
    steps: tuple[int, ...] = (100,)
    curriculum: bool = True
    first_phase: int = 1
    retention: str = "zero_only"  # what the paper reports
    retained: int = 128
    retain_twice: bool = False
    floor: float = 0.125
    scorer: str = "current"

    batch: int = 128
    mini: int = 32
    group: int = 8
    dynamic: bool = True
    rounds: int = 10  # released script

    temperature: float = 0.7
    top_p: float = 0.95
    top_k: int = 0
    longest: int = 10_000

    clip_low: float = 0.2
    clip_high: float = 0.28  # DAPO's; the paper says "higher", the released script has 0.2
    aggregation: str = "token"
    scale_advantages: bool = True
    beta: float = 0.0
    reference: str = "none"
    entropy_weight: float = 0.0

    rate: float = 2e-6
    warmup: int = 0
    decay: float = 0.01
    clip: float = 1.0

    micro_tokens: int = 10_000  # released script, per GPU
    precision: str = "auto"
    gradient_checkpointing: bool = True
    lora_rank: int = 0
    lora_alpha: float = 32.0
    backend: str = "generate"

    save: int = 5
    evaluate: int = 0
    evaluate_samples: int = 1
    behaviours: str = "words"
    behaviours_outputs: int = 64

    def __post_init__(self) -> None:
        """Raise `OptionError` for a value that means nothing."""
        for name, known in (
            ("template", tuple(TEMPLATES)),
            ("over", OVER),
            ("rule", RULES),
            ("retention", ("none", *MODES)),
            ("scorer", SCORERS),
            ("aggregation", AGGREGATIONS),
            ("reference", REFERENCES),
            ("precision", PRECISIONS),
            ("backend", BACKENDS),
            ("behaviours", COUNTS),
        ):
            if getattr(self, name) not in known:
                raise unknown(name, getattr(self, name), known)
        for name in (
            *("sft_batch", "batch", "mini", "rounds", "longest", "micro_tokens", "save"),
            "behaviours_outputs",
        ):
            recipes.check(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        recipes.check(
            self.group >= 2, "group", "at least 2: one output has no other to compare", self.group
        )
        for name in ("sft_rate", "rate", "temperature", "clip", "floor"):
            recipes.check(getattr(self, name) > 0, name, "above 0", getattr(self, name))
        for name in (
            *("seed", "sft_steps", "prompt_limit", "retained", "top_k", "warmup", "lora_rank"),
            *(
                "sft_enough",
                "clip_high",
                "beta",
                "entropy_weight",
                "decay",
                "evaluate",
                "evaluate_samples",
            ),
        ):
            recipes.check(getattr(self, name) >= 0, name, "at least 0", getattr(self, name))
        recipes.check(0 < self.top_p <= 1, "top_p", "above 0, at most 1", self.top_p)
        recipes.check(0 <= self.clip_low < 1, "clip_low", "at least 0, below 1", self.clip_low)
        recipes.check(
            0 <= self.overlong_buffer <= self.longest,
            "overlong_buffer",
            f"from 0 to longest, {self.longest}",
            self.overlong_buffer,
        )
        recipes.check(self.mini <= self.batch, "mini", f"at most batch, {self.batch}", self.mini)
        if len(self.steps) not in (1, len(self.limits)):
            raise OptionError(
                f"steps must be one number or one for each of {len(self.limits)} phases,"
                f" got {list(self.steps)}"
            )
        recipes.check(min(self.steps) >= 1, "steps", "at least 1", min(self.steps))
        phases = len(self.limits)
        recipes.check(
            1 <= self.first_phase <= phases, "first_phase", f"1 to {phases}", self.first_phase
        )
        if not self.curriculum and self.first_phase > 1:
            raise OptionError("without a curriculum there is one phase: set first_phase: 1")
        if self.beta and self.reference == "none":
            raise OptionError("beta weighs the distance to a reference: set reference: start")

    @property
    def phase_steps(self) -> tuple[int, ...]:
        """The steps of each phase; all of them together where there is no curriculum."""
        each = self.steps * len(self.limits) if len(self.steps) == 1 else self.steps
        return each if self.curriculum else (sum(each),)

    @property
    def digest(self) -> str:
        """Of all that decides a step."""
        chosen = {name: value for name, value in asdict(self).items() if name not in _LATER}
        return sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()[:16]


def read_recipe(path: Path) -> Recipe:
    """A recipe from YAML. Raises `TextError` where it cannot be read, `OptionError` for a name
    that is not in `Recipe` or a value of another kind, each naming the file."""
    return recipes.read_recipe(path, Recipe, such_as="batch: 64")
