"""`cprs l1 pairs`: what `cprs l1 solopo` trains on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cprs.cli.console import say
from cprs.errors import OptionError
from cprs.extras import torch_device
from cprs.l1.cli.progress import counting
from cprs.l1.cli.train import Device, Model
from cprs.l1.extras import require

AT_ONCE = 16
"""Examples sampled for between two lines of progress."""


def pairs(
    model: Model,
    data: Annotated[
        Path,
        typer.Option(
            "--data", metavar="FILE", help="Examples whose contexts hold only what they need."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The JSONL file to write.")],
    distractors: Annotated[
        Path | None,
        typer.Option("--distractors", metavar="FILE", help="Other examples; else those of --data."),
    ] = None,
    tokens: Annotated[int, typer.Option("--tokens", min=1, help="Of a long text.")] = 8000,
    samples: Annotated[int, typer.Option("--samples", min=2, help="Outputs to each.")] = 32,
    temperature: Annotated[float, typer.Option("--temperature", help="To sample at.")] = 0.85,
    top_p: Annotated[float, typer.Option("--top-p", help="To sample with.")] = 1.0,
    longest: Annotated[int, typer.Option("--longest", min=1, help="Tokens of an output.")] = 2048,
    rule: Annotated[str, typer.Option("--rule", help="Tells right from wrong.")] = "cover",
    thinking: Annotated[
        bool, typer.Option("--thinking/--no-thinking", help="Outputs must end their thinking.")
    ] = True,
    micro_tokens: Annotated[
        int, typer.Option("--micro-tokens", min=1, help="Tokens to a batch.")
    ] = 100_000,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    device: Device = "auto",
) -> None:
    """Make pairs of answers: the model answers short texts, a rule says which are right, and the
    same texts among others are the long ones.

    Contexts are documents with a blank line between, as cprs l1 data convert --supporting writes
    them. Needs pip install 'cprs[l1]'.
    """
    require("torch", "transformers", "safetensors")
    from cprs.l1.example import read_examples
    from cprs.l1.pairing import lengthened, sampled_pairs
    from cprs.l1.pairs import write_pairs
    from cprs.l1.policy import load_policy
    from cprs.l1.recipe import Recipe
    from cprs.l1.reward.hybrid import Scorer
    from cprs.l1.rollout.generate import Generate
    from cprs.l1.sampler import Sampler
    from cprs.l1.world import World

    examples = read_examples(data)
    others = read_examples(distractors) if distractors is not None else examples
    recipe = Recipe(
        seed=seed,
        group=samples,
        temperature=temperature,
        top_p=top_p,
        longest=longest,
        overlong_buffer=0,
        prompt_limit=tokens + 256,
        rule=rule,
        thinking=thinking,
    )
    policy = load_policy(model, device=torch_device(device))

    def count(text: str) -> int:
        return len(policy.tokenizer.encode(text, add_special_tokens=False))

    shorts, longs = lengthened(examples, others, tokens=tokens, count=count, seed=seed)
    sampler = Sampler(
        policy,
        recipe,
        backend=Generate(tokens=micro_tokens),
        scorer=Scorer(rule=rule, thinking=thinking),
        world=World(),
    )
    fitting = {one.uid for one in sampler.encodable(longs)}
    kept = [one for one in shorts if one.uid in fitting]
    if not kept:
        raise OptionError(f"all {len(shorts):,} prompts are over --tokens, {tokens:,}: raise it")
    with counting("examples") as show:
        found = sampled_pairs(
            sampler,
            kept,
            [one for one in longs if one.uid in fitting],
            seed=seed,
            at_once=AT_ONCE,
            progress=show,
        )
    if not found.pairs:
        raise OptionError(
            f"no pair: of {len(kept):,} examples {found.easy:,} had no wrong output and"
            f" {found.hopeless:,} no right one: take harder or easier ones, or more --samples"
        )
    write_pairs(out, found.pairs)
    facts = [
        ("written", f"{len(found.pairs):,} pairs to {out}"),
        ("without", f"{found.easy:,} had no wrong output, {found.hopeless:,} no right one"),
    ]
    if len(kept) < len(shorts):
        facts.append(("warning", f"{len(shorts) - len(kept):,} prompts over --tokens: dropped"))
    say(facts)
