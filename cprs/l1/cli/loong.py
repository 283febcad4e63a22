"""`cprs l1 loong`: the benchmark's rows told, asked and scored."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from cprs.cli.console import say
from cprs.cli.output import write_stdout
from cprs.errors import OptionError, TextError
from cprs.l1.cli import asking
from cprs.l1.cli.progress import counting
from cprs.l1.extras import require

loong_app = typer.Typer(
    no_args_is_help=True, help="Loong: questions over ten documents and more, rated by a judge."
)

Data = Annotated[
    Path, typer.Option("--data", metavar="PATH", help="loong.jsonl, or Loong's repository.")
]
Compat = Annotated[
    bool, typer.Option("--compat", help="As released, leaking rows and scorer included.")
]
Levels = Annotated[
    list[int] | None, typer.Option("--level", min=1, max=4, help="Only this task; repeatable.")
]
Sets = Annotated[
    list[int] | None, typer.Option("--set", min=1, max=4, help="Only this set; repeatable.")
]


@loong_app.command()
def stats(data: Data, compat: Compat = False) -> None:
    """Say how many rows there are of each task, set and kind, and which would leak."""
    from cprs.l1.loong.documents import gives_verdicts
    from cprs.l1.loong.task import LEVELS, SETS, read_tasks

    tasks = read_tasks(data)
    lines = ["| set | " + " | ".join(LEVELS.values()) + " | all | tokens |", "|---" * 7 + "|"]
    for set_, name in SETS.items():
        of = [task for task in tasks if task.set == set_]
        counts = Counter(task.level for task in of)
        lengths = [task.length for task in of] or [0]
        cells = [name, *(counts[level] for level in LEVELS), len(of)]
        span = f"{min(lengths):,}-{max(lengths):,}"
        lines.append("| " + " | ".join(map(str, [*cells, span])) + " |")
    kinds = Counter(f"{task.kind} {task.language}".strip() for task in tasks)
    lines += [
        "",
        f"{len(tasks):,} rows: " + ", ".join(f"{n} {k}" for k, n in sorted(kinds.items())),
    ]
    given = [task for task in tasks if gives_verdicts(task)]
    seen = [task for task in given if gives_verdicts(task, compat=True)]
    leak = len(given) - len(seen)
    lines.append(
        f"{len(given)} rows give verdicts to be matched; the released loader shows the answers in"
        f" {leak} of them" + (", and so does --compat" if compat else "; here they are left out")
    )
    write_stdout(("\n".join(lines) + "\n").encode())


@loong_app.command("run")
def run_(
    data: Data,
    docs: Annotated[
        Path, typer.Option("--docs", metavar="DIR", help="The documents' folder, unpacked.")
    ],
    url: asking.Url,
    model: asking.Model,
    judge: Annotated[
        str, typer.Option("--judge", metavar="URL", help="The judge's endpoint, up to /v1.")
    ],
    judge_model: asking.JudgeModel = "judge",
    judge_key: asking.JudgeKey = "none",
    through: asking.Through = None,
    cprs: asking.Member = None,
    level: Levels = None,
    sets: Sets = None,
    first: Annotated[int, typer.Option("--first", min=0, help="Only so many rows; 0: all.")] = 0,
    fit: Annotated[
        int, typer.Option("--fit", min=0, help="Leave out documents beyond so many tokens.")
    ] = 0,
    tokenizer: Annotated[
        Path | None,
        typer.Option("--tokenizer", metavar="FILE", help="A tokenizer.json to count by."),
    ] = None,
    temperature: asking.Temperature = 0.7,
    top_p: asking.TopP = 0.95,
    tokens: asking.Tokens = 10_000,
    concurrency: asking.Concurrency = 16,
    seed: asking.Seed = 0,
    key: asking.Key = "none",
    compat: Compat = False,
    out: asking.Out = None,
    json: asking.Json = False,
) -> None:
    """Ask a model Loong's rows, have its answers rated, and print the published figures beside.

    Needs pip install 'cprs[l1]'.
    """
    require("openai", what="asking a model")
    from cprs.l1.eval.endpoint import Endpoint
    from cprs.l1.eval.fitting import counter
    from cprs.l1.loong.documents import Documents
    from cprs.l1.loong.prompt import LoongPrompts
    from cprs.l1.loong.report import as_json, markdown
    from cprs.l1.loong.run import rate
    from cprs.l1.loong.task import read_tasks

    tasks = read_tasks(data, levels=level or (), sets=sets or ())
    tasks = tasks[:first] if first else tasks
    if bool(fit) != (tokenizer is not None):
        raise OptionError("--fit and --tokenizer go together")
    kept = None if out is None else out / "ratings.jsonl"
    rater = Endpoint(
        judge, judge_model, key=judge_key, temperature=0.0, top_p=1.0, tokens=2048, kept=kept,
        concurrency=concurrency,
    )  # fmt: skip
    made = asking.endpoints(
        url, model, through=through, member=cprs, out=out, key=key, temperature=temperature,
        top_p=top_p, tokens=tokens, concurrency=concurrency, seed=seed,
    )  # fmt: skip
    count = counter(tokenizer) if tokenizer is not None else len
    prompts = LoongPrompts(Documents(docs, compat=compat), limit=fit, count=count, compat=compat)
    runs = {}
    for name, endpoint in made.items():
        with counting(name) as progress:
            runs[name] = rate(tasks, prompts, endpoint, rater, progress=progress)
    if prompts.left_out:
        documents = sum(prompts.left_out.values())
        say(
            [("left out", f"{documents:,} documents of {len(prompts.left_out):,} rows did not fit")]
        )
    text, values = markdown(runs, compat=compat), as_json(runs, compat=compat)
    asking.report(out, md=text, json=values)
    write_stdout(((values if json else text) + "\n").encode())


@loong_app.command()
def score(
    rated: Annotated[
        Path, typer.Argument(metavar="FILE", help="What the released evaluation wrote, JSONL.")
    ],
    answer: Annotated[
        str, typer.Option("--answer", metavar="NAME", help="The member with the answer.")
    ] = "generate_response",
    rating: Annotated[
        str, typer.Option("--rating", metavar="NAME", help="The member with the judge's words.")
    ] = "eval_response",
    compat: Compat = False,
    json: asking.Json = False,
) -> None:
    """Score ratings that the released evaluation made, with what it drops counted."""
    from cprs.l1.loong.rating import Rated, parse_rating
    from cprs.l1.loong.report import as_json, markdown
    from cprs.l1.loong.task import read_tasks

    found = []
    for task in read_tasks(rated):
        if rating not in task.raw:
            raise TextError(f"{rated}: row {task.id} has no {rating!r}; name it with --rating")
        answered = bool(str(task.raw.get(answer) or "").strip())
        said = str(task.raw[rating] or "")
        # As released, a rating of no answer counts too.
        value = parse_rating(said, compat=compat) if answered or compat else None
        found.append(Rated(task, answered, value))
    runs = {rated.stem: found}
    text = as_json(runs, compat=compat) if json else markdown(runs, compat=compat)
    write_stdout((text + "\n").encode())
