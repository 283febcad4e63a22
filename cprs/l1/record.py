"""What a run looked like: a CSV of its steps, measurements at the borders of phases, TensorBoard
where it is installed, and a plot."""

from __future__ import annotations

import csv
import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cprs.errors import OptionError, TextError
from cprs.l1.extras import require

STEPS = "steps.csv"
MEASURED = "measured.jsonl"
BAD_BATCH = "bad-batch.json"


@dataclass(frozen=True, slots=True)
class Row:
    """A step: its number in the whole run (from 1), its `stage` ("sft", "phase 1", ...), the
    `updates` made in it.

    `reward` (shaped) and `accuracy` (not) are means over all sampled outputs, `kept_accuracy` over
    those trained on. `kl`: to the reference policy; `drift`: from the sampling policy, over the
    step's updates. `clipped`: the share of tokens held by clipping. `length`: mean output tokens;
    `finished`: the share that ended by itself. `kept`, `dropped_right`, `dropped_wrong`: groups.
    `retained`: outputs of examples drawn from the phase before, `retained_accuracy` theirs.
    `over_limit`: prompts dropped or truncated so far; `unjudged`: answers so far on which the judge
    gave no verdict. `sampler_gap`: how far a server that samples was from the policy, in mean
    log-probability of a token. The last four: reasoning behaviours, mean counts per output.
    """

    step: int
    stage: str
    loss: float
    updates: int = 1
    reward: float | None = None
    accuracy: float | None = None
    kept_accuracy: float | None = None
    kl: float | None = None
    drift: float | None = None
    entropy: float | None = None
    clipped: float | None = None
    length: float | None = None
    finished: float | None = None
    kept: int | None = None
    dropped_right: int | None = None
    dropped_wrong: int | None = None
    rounds: int | None = None
    retained: int | None = None
    retained_accuracy: float | None = None
    over_limit: int = 0
    unjudged: int = 0
    gradient: float | None = None
    rate: float | None = None
    sampler_gap: float | None = None
    grounding: float | None = None
    subgoal: float | None = None
    verification: float | None = None
    backtracking: float | None = None


_NAMES = [field.name for field in fields(Row)]


class Record:
    """The files of a run in `folder`. Lines of steps after `last`, which a resumed run takes
    again, are dropped."""

    def __init__(self, folder: Path, *, last: int = 0, board: bool = False) -> None:
        self._steps = folder / STEPS
        self._measured = folder / MEASURED
        kept = read_steps(self._steps) if last and self._steps.exists() else []
        with self._steps.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, _NAMES)
            writer.writeheader()
            writer.writerows(row for row in kept if int(row["step"]) <= last)
        lines = read_measured(folder) if last else []
        with self._measured.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(one) + "\n" for one in lines if one["step"] <= last)
        self._board = _board(folder) if board else None

    def add(self, row: Row) -> None:
        """Write a step."""
        values = {name: getattr(row, name) for name in _NAMES}
        with self._steps.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, _NAMES).writerow(
                {name: "" if value is None else value for name, value in values.items()}
            )
        if self._board is not None:
            for name, value in values.items():
                if isinstance(value, (int, float)) and name != "step":
                    self._board.add_scalar(name, value, row.step)

    def measured(self, step: int, when: str, accuracies: Mapping[str, float]) -> None:
        """Write accuracies on held-out sets, `when` in the run ("before phase 1", ...)."""
        with self._measured.open("a", encoding="utf-8") as file:
            line = {"step": step, "when": when, "accuracy": dict(accuracies)}
            file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Let go of TensorBoard's file."""
        if self._board is not None:
            self._board.close()


def write_bad_batch(
    folder: Path,
    outputs: Sequence[tuple[Sequence[int], Sequence[int]]],
    *,
    loss: float,
    gradient: float,
    uids: Sequence[str],
) -> Path:
    """Write the token ids of prompts and outputs that made a loss which is not a number."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / BAD_BATCH
    rows = [{"prompt": list(prompt), "output": list(output)} for prompt, output in outputs]
    found = {"loss": str(loss), "gradient": str(gradient), "uids": list(uids), "outputs": rows}
    path.write_text(json.dumps(found), encoding="utf-8")
    return path


def read_steps(path: Path) -> list[dict[str, str]]:
    """The rows of a `steps.csv`, as they are written. Raises `TextError` where it is none."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TextError(f"{path}: cannot be read: {error}") from error
    if rows and set(rows[0]) != set(_NAMES):
        raise TextError(f"{path}: its columns are not those of a run's steps")
    return rows


def read_measured(folder: Path) -> list[dict[str, Any]]:
    """The measurements of the run in `folder`; none where there are none."""
    path = folder / MEASURED
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    # A run killed right behind a measurement takes it again.
    return list({line["when"]: line for line in lines}.values())


def plot(folder: Path, *, smooth: int = 10) -> Path:
    """Draw the curves of the run in `folder` into `steps.png`, each over the mean of the last
    `smooth` steps. Raises `OptionError` without matplotlib or steps."""
    require("matplotlib", what="a plot", install="matplotlib")
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [row for row in read_steps(folder / STEPS) if row["stage"] != "sft"]
    if not rows:
        raise OptionError(f"{folder}: no step of a phase to plot")
    shown = ("accuracy", "reward", "retained_accuracy", "entropy", "drift", "kl", "clipped")
    counted = ("length", "kept", "dropped_right", "dropped_wrong")
    names = [name for name in (*shown, *counted) if any(row[name] for row in rows)]
    height = -(-len(names) // 3)
    figure, axes = pyplot.subplots(height, 3, figsize=(9, 1.9 * height), squeeze=False)
    borders = [
        int(rows[i]["step"])
        for i in range(1, len(rows))
        if rows[i]["stage"] != rows[i - 1]["stage"]
    ]
    for name, axis in zip(names, axes.flat, strict=False):
        points = [(int(row["step"]), float(row[name])) for row in rows if row[name]]
        steps, values = zip(*points, strict=True)
        axis.plot(steps, values, alpha=0.25)
        axis.plot(steps, _smoothed(values, smooth))
        for border in borders:
            axis.axvline(border, linestyle=":", color="grey")
        axis.set_title(name.replace("_", " "), fontsize="small")
        axis.tick_params(labelsize="x-small")
    for axis in list(axes.flat)[len(names) :]:
        axis.remove()
    figure.tight_layout()
    path = folder / "steps.png"
    figure.savefig(path, dpi=80, pil_kwargs={"optimize": True})
    pyplot.close(figure)
    return path


def _smoothed(values: tuple[float, ...], over: int) -> list[float]:
    return [
        sum(values[max(0, i - over + 1) : i + 1]) / min(i + 1, over) for i in range(len(values))
    ]


def _board(folder: Path) -> Any:
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"))
