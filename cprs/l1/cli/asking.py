"""Options of the commands that ask a model, and what they make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cprs.errors import OptionError

if TYPE_CHECKING:
    from cprs.l1.eval.endpoint import Endpoint
    from cprs.l1.reward.judge import Judge

Url = Annotated[
    str, typer.Option("--url", metavar="URL", help="An OpenAI-compatible endpoint, up to /v1.")
]
Model = Annotated[str, typer.Option("--model", metavar="NAME", help="The model's name there.")]
Key = Annotated[str, typer.Option("--key", envvar="CPRS_L1_KEY", help="The endpoint's key.")]
Through = Annotated[
    str | None,
    typer.Option("--through", metavar="URL", help="Ask once more through a cprs proxy here."),
]
Member = Annotated[
    str | None,
    typer.Option(
        "--cprs", metavar="JSON", help="What the proxy is told, such as '{\"ratio\": 8}'."
    ),
]
JudgeUrl = Annotated[
    str | None, typer.Option("--judge", metavar="URL", help="A judge's endpoint, up to /v1.")
]
JudgeModel = Annotated[
    str, typer.Option("--judge-model", metavar="NAME", help="The judge's name there.")
]
JudgeKey = Annotated[
    str, typer.Option("--judge-key", envvar="CPRS_L1_JUDGE_KEY", help="The judge's key.")
]
Temperature = Annotated[float, typer.Option("--temperature", min=0, help="Of sampling.")]
TopP = Annotated[float, typer.Option("--top-p", min=0, max=1, help="Of sampling.")]
Tokens = Annotated[int, typer.Option("--tokens", min=1, help="Longest answer, thinking included.")]
Concurrency = Annotated[int, typer.Option("--concurrency", min=1, help="Asks at a time.")]
Seed = Annotated[int, typer.Option("--seed", help="Sent with each ask; negative: none is.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Keep answers and figures; go on from them."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def endpoints(
    url: str,
    model: str,
    *,
    through: str | None,
    member: str | None,
    out: Path | None,
    seed: int,
    **options: Any,
) -> dict[str, Endpoint]:
    """The endpoints of a run by what they are called in tables: the model itself and, with
    `through` or `member`, the model behind cprs. A `member` without `through` means that `url` is
    a proxy already: it is told to leave the first run's prompts alone. `out` is made; a negative
    `seed` is none."""
    from cprs.l1.eval.endpoint import Endpoint

    said = _member(member)
    options["seed"] = None if seed < 0 else seed
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    kept = None if out is None else out / "answers.jsonl"
    plain = {} if member is None or through is not None else {"cprs": False}
    made = {model: Endpoint(url, model, extra=plain, kept=kept, **options)}
    if through is not None or member is not None:
        extra = {} if said is None else {"cprs": said}
        behind = Endpoint(through or url, model, extra=extra, kept=kept, **options)
        made[f"{model} behind cprs"] = behind
    return made


def judge_at(
    url: str | None, model: str, key: str, *, concurrency: int, out: Path | None
) -> Judge | None:
    """The judge asked for, if any; its verdicts are kept in `out`."""
    from cprs.l1.reward.judge import Judge

    if url is None:
        return None
    cache = None if out is None else out / "verdicts.jsonl"
    return Judge(url, model, key=key, concurrency=concurrency, cache=cache)


def report(out: Path | None, **texts: str) -> None:
    """Write `report.NAME` into `out`, if there is one, for each of `texts`."""
    if out is not None:
        for name, text in texts.items():
            (out / f"report.{name}").write_text(text + "\n", encoding="utf-8")


def _member(text: str | None) -> Any:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise OptionError(f"--cprs is not JSON: {error}") from error
    if not isinstance(value, dict | str | bool):
        raise OptionError("--cprs is an object, a mode in quotes, true or false")
    return value
