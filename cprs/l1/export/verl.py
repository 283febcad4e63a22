"""One job of verl's multi-node trainer for each phase: parquet, reward and settings.

verl has no curriculum and no retention: each phase is a job of its own on prepared data, begins
from the weights the last one ended with, and has that one's hard examples among its own (eq. 9 and
10). The names are verl 0.9's.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cprs.errors import OptionError, TextError
from cprs.l1.curriculum import Phase, check_phase
from cprs.l1.example import Example
from cprs.l1.jsonl import read_objects
from cprs.l1.prompt import TEMPLATES
from cprs.l1.recipe import Recipe
from cprs.l1.retrospective import Retained, Tracker, retain

REWARD = '''\
"""The reward of this job, for verl's reward.custom_reward_function."""

from cprs.l1.export.verl_reward import score


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    return score(solution_str, ground_truth, rule={rule!r}, thinking={thinking!r})
'''


def row(example: Example, *, index: int, template: str = "published") -> dict[str, Any]:
    """An example as verl's data sets have it. The ground truth holds all that the reward needs, and
    the uid, by which retention knows it again in what verl writes of its outputs."""
    truth = {
        "uid": example.uid,
        "question": example.question,
        "answers": list(example.answers),
        "kind": example.kind,
    }
    return {
        "data_source": example.source or "cprs",
        "prompt": [{"role": "user", "content": TEMPLATES[template](example)}],
        "ability": "reading",
        "reward_model": {"style": "rule", "ground_truth": json.dumps(truth, ensure_ascii=False)},
        "extra_info": {"index": index, "uid": example.uid},
    }


def settings(recipe: Recipe, phase: Phase, *, model: str, folder: Path) -> dict[str, Any]:
    """What a phase's job overrides of verl's settings, from the recipe's numbers."""
    sequence = recipe.aggregation == "sequence"
    return {
        # On top of verl's own settings: --config-path of the job's folder, --config-name override.
        "hydra": {"searchpath": ["pkg://verl.trainer.config"]},
        "defaults": ["ppo_trainer", "_self_"],
        "data": {
            "train_files": str(folder / "train.parquet"),
            "prompt_key": "prompt",
            "train_batch_size": recipe.batch,
            "max_prompt_length": recipe.prompt_limit or phase.limit + 256,
            "max_response_length": recipe.longest,
            "filter_overlong_prompts": recipe.over == "drop",
            "truncation": "error" if recipe.over == "drop" else "middle",
            "seed": recipe.seed,
        },
        "algorithm": {
            "adv_estimator": "grpo",
            "norm_adv_by_std_in_grpo": recipe.scale_advantages,
            "use_kl_in_reward": False,
            "filter_groups": {
                "enable": recipe.dynamic,
                "metric": "acc",
                "max_num_gen_batches": recipe.rounds,
            },
        },
        "actor_rollout_ref": {
            "model": {
                "path": model,
                "enable_gradient_checkpointing": recipe.gradient_checkpointing,
            },
            "actor": {
                "ppo_mini_batch_size": recipe.mini,
                "ppo_epochs": 1,
                "use_dynamic_bsz": True,
                "ppo_max_token_len_per_gpu": recipe.micro_tokens,
                "clip_ratio_low": recipe.clip_low,
                "clip_ratio_high": recipe.clip_high,
                "loss_agg_mode": "seq-mean-token-mean" if sequence else "token-mean",
                "use_kl_loss": recipe.beta > 0,
                "kl_loss_coef": recipe.beta,
                "entropy_coeff": recipe.entropy_weight,
                "grad_clip": recipe.clip,
                "optim": {
                    "lr": recipe.rate,
                    "lr_warmup_steps": recipe.warmup,
                    "weight_decay": recipe.decay,
                },
            },
            "rollout": {
                "name": "vllm",
                "n": recipe.group,
                "temperature": recipe.temperature,
                "top_p": recipe.top_p,
                "top_k": recipe.top_k or -1,
            },
        },
        "reward": {
            "custom_reward_function": {
                "path": str(folder / "reward.py"),
                "name": "compute_score",
            },
            "reward_manager": {"name": "dapo"},
            "reward_kwargs": {
                "overlong_buffer_cfg": {
                    "enable": recipe.overlong_buffer > 0,
                    "len": recipe.overlong_buffer,
                    "penalty_factor": 1.0,
                    "log": False,
                },
                "max_resp_len": recipe.longest,
            },
        },
        "trainer": {
            "experiment_name": f"phase-{phase.number}",
            "total_training_steps": recipe.phase_steps[phase.number - 1],
            "default_local_dir": str(folder / "checkpoints"),
            "rollout_data_dir": str(folder / "outputs"),
        },
    }


def export_phase(
    recipe: Recipe,
    phase: Phase,
    out: Path,
    *,
    model: str,
    retained: Sequence[Example] = (),
) -> Path:
    """Write the job of a phase to `out/phase-K`: train.parquet, reward.py and override.yaml.

    Needs pyarrow and pyyaml. Raises `OptionError` for fewer examples than a batch takes.
    """
    examples = [*phase.examples, *retained]
    check_phase(phase.number, len(examples), recipe.batch)
    folder = (out / f"phase-{phase.number}").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row(e, index=n, template=recipe.template) for n, e in enumerate(examples)]
    arrow: Any = importlib.import_module("pyarrow")
    parquet: Any = importlib.import_module("pyarrow.parquet")
    parquet.write_table(arrow.Table.from_pylist(rows), folder / "train.parquet")
    reward = REWARD.format(rule=recipe.rule, thinking=recipe.thinking)
    (folder / "reward.py").write_text(reward, encoding="utf-8")
    yaml: Any = importlib.import_module("yaml")
    said = yaml.safe_dump(settings(recipe, phase, model=model, folder=folder), sort_keys=False)
    (folder / "override.yaml").write_text(said, encoding="utf-8")
    return folder


def retained_of(recipe: Recipe, outputs: Path) -> Retained:
    """The hard examples of a phase, by what verl wrote of its outputs (`trainer.rollout_data_dir`):
    JSON lines with `gts`, the ground truth, and `acc` (`score` where there is none). As in a run of
    our own, the latest group of each counts.

    Raises `TextError` where there are none, or a line is none.
    """
    tracker = Tracker()
    for groups in _steps(outputs):
        for uid, accuracies in groups.items():
            tracker.record(uid, accuracies)
    return retain(
        tracker.means(),
        count=recipe.retained,
        seed=recipe.seed,
        mode=recipe.retention,
        floor=recipe.floor,
        replace=recipe.retain_twice,
    )


def _steps(outputs: Path) -> Iterator[Mapping[str, list[float]]]:
    """Accuracies by uid of each step's file, in the order of the steps."""
    paths = sorted(outputs.glob("*.jsonl"), key=lambda path: (len(path.stem), path.stem))
    if not paths:
        raise TextError(f"{outputs}: holds no outputs of verl (*.jsonl)")
    for path in paths:
        groups: dict[str, list[float]] = {}
        for where, found in read_objects(path):
            try:
                accuracy = float(found["acc"] if "acc" in found else found["score"])
                groups.setdefault(json.loads(found["gts"])["uid"], []).append(accuracy)
            except (ValueError, KeyError, TypeError) as error:
                raise TextError(f"{where}: no output of an exported job") from error
        yield groups


def phase_of(phases: Sequence[Phase], number: int) -> Phase:
    """The phase of a number. Raises `OptionError` where there is none."""
    if not 1 <= number <= len(phases):
        raise OptionError(f"there are phases 1 to {len(phases)}, not {number}")
    return phases[number - 1]
