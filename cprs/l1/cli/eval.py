"""`cprs l1 eval`: a model on sets of questions, with and without cprs before it."""

from __future__ import annotations

import json as json_lines
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cprs.cli.console import say
from cprs.cli.output import write_stdout
from cprs.errors import OptionError
from cprs.l1.cli import asking
from cprs.l1.cli.progress import counting
from cprs.l1.extras import require


def evaluate(
    url: asking.Url,
    model: asking.Model,
    data: Annotated[
        list[Path],
        typer.Option("--data", metavar="FILE", help="Examples, as JSONL; repeatable."),
    ],
    through: asking.Through = None,
    cprs: asking.Member = None,
    samples: Annotated[
        int, typer.Option("--samples", min=1, help="Answers to each question; 16 for pass@16.")
    ] = 1,
    first: Annotated[
        int, typer.Option("--first", min=0, help="Only so many examples of each set; 0: all.")
    ] = 0,
    judge: asking.JudgeUrl = None,
    judge_model: asking.JudgeModel = "judge",
    judge_key: asking.JudgeKey = "none",
    rule: Annotated[
        str, typer.Option("--rule", help="cover, exact, or published: as QwenLong-L1 released it.")
    ] = "cover",
    thinking: Annotated[
        bool, typer.Option("--thinking", help="No answer without an end of thinking.")
    ] = False,
    fit: Annotated[
        int, typer.Option("--fit", min=0, help="Cut contexts to so many tokens; 0: never.")
    ] = 0,
    tokenizer: Annotated[
        Path | None,
        typer.Option("--tokenizer", metavar="FILE", help="A tokenizer.json to cut by."),
    ] = None,
    temperature: asking.Temperature = 0.7,
    top_p: asking.TopP = 0.95,
    tokens: asking.Tokens = 10_000,
    concurrency: asking.Concurrency = 16,
    seed: asking.Seed = 0,
    key: asking.Key = "none",
    out: asking.Out = None,
    json: asking.Json = False,
) -> None:
    """Measure a model on questions about long texts: EM, F1, cover-EM, judge, pass@k.

    What fails counts as wrong. The paper's figures stand beside, labelled as quoted. Needs
    pip install 'cprs[l1]'.
    """
    require("openai", what="asking a model")
    from cprs.l1.eval.fitting import Fit
    from cprs.l1.eval.report import as_json, markdown
    from cprs.l1.eval.run import evaluate as run
    from cprs.l1.eval.sets import read_sets
    from cprs.l1.eval.summary import summarise

    examples = read_sets(data, first=first)
    fitted = None
    if fit:
        if tokenizer is None:
            raise OptionError("--fit needs --tokenizer, the model's tokenizer.json")
        fitted = Fit(fit, tokenizer)
    made = asking.endpoints(
        url,
        model,
        through=through,
        member=cprs,
        out=out,
        key=key,
        temperature=temperature,
        top_p=top_p,
        tokens=tokens,
        concurrency=concurrency,
        seed=seed,
    )
    asked = asking.judge_at(judge, judge_model, judge_key, concurrency=concurrency, out=out)
    summaries, scores = [], []
    for name, endpoint in made.items():
        with counting(name) as progress:
            scored = run(
                examples,
                endpoint,
                samples=samples,
                judge=asked,
                rule=rule,
                thinking=thinking,
                fit=fitted,
                progress=progress,
            )
        summaries.append(summarise(name, scored))
        scores += [{"run": name, **asdict(one)} for one in scored]
        errors = sorted({one.error for one in scored if one.error})
        say([("warning", f"{name}: {error}") for error in errors[:3]])
    if fitted is not None and fitted.cut:
        say([("cut", f"{len(fitted.cut):,} contexts to {fit:,} tokens each")])
    text = markdown(summaries, rule=rule)
    asking.report(out, md=text, json=as_json(summaries, rule=rule))
    if out is not None:
        lines = [json_lines.dumps(one, ensure_ascii=False) + "\n" for one in scores]
        (out / "scores.jsonl").write_text("".join(lines), encoding="utf-8")
    write_stdout(((as_json(summaries, rule=rule) if json else text) + "\n").encode())
