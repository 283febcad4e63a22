"""`cprs l1 solopo`: preferences learnt on short texts, held on long ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cprs.cli.console import say
from cprs.extras import torch_device
from cprs.l1.cli.progress import counting
from cprs.l1.cli.train import Device, Model, Out
from cprs.l1.extras import require


def solopo(
    model: Model,
    data: Annotated[
        Path,
        typer.Option("--data", metavar="FILE", help="Pairs, as JSONL."),
    ],
    out: Out,
    method: Annotated[str, typer.Option("--method", help="dpo, simpo or orpo.")] = "orpo",
    alpha: Annotated[
        float | None,
        typer.Option("--alpha", help="Weight of the long text; 0: the plain method."),
    ] = None,
    beta: Annotated[float, typer.Option("--beta", help="As the method has it.")] = 0.1,
    gamma: Annotated[float, typer.Option("--gamma", help="SimPO's margin.")] = 0.5,
    odds: Annotated[float, typer.Option("--lambda", help="ORPO's weight of the odds.")] = 0.1,
    detach_short: Annotated[
        bool, typer.Option("--detach-short", help="Hold the short text's reward fixed.")
    ] = False,
    on_long: Annotated[
        bool, typer.Option("--on-long", help="The plain method, on the long texts.")
    ] = False,
    steps: Annotated[int, typer.Option("--steps", min=1)] = 100,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Pairs to a step.")] = 64,
    rate: Annotated[float, typer.Option("--rate", help="Learning rate.")] = 1e-6,
    limit: Annotated[
        int, typer.Option("--prompt-limit", min=0, help="Longer prompts are dropped; 0: none.")
    ] = 0,
    lora_rank: Annotated[int, typer.Option("--lora-rank", min=0, help="0: all weights.")] = 0,
    micro_tokens: Annotated[
        int, typer.Option("--micro-tokens", min=1, help="Tokens to a forward pass.")
    ] = 20_000,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    device: Device = "auto",
) -> None:
    """Train on pairs of answers: SoLo-DPO, SoLo-SimPO or SoLo-ORPO.

    A pair is {"short": example, "long": example, "chosen": text, "rejected": text}. Needs
    pip install 'cprs[l1]'.
    """
    require("torch", "transformers", "safetensors")
    from cprs.l1.cli.train import open_folder
    from cprs.l1.pairs import read_pairs
    from cprs.l1.policy import load_policy, save_policy
    from cprs.l1.preference import ALPHA, PreferenceOptions, train_on_pairs
    from cprs.l1.prompt import Prompts

    usual = 0.0 if on_long else ALPHA.get(method, 1.0)
    options = PreferenceOptions(
        method=method,
        alpha=usual if alpha is None else alpha,
        on_long=on_long,
        beta=beta,
        gamma=gamma,
        odds=odds,
        detach_short=detach_short,
        steps=steps,
        batch=batch,
        rate=rate,
        micro_tokens=micro_tokens,
        seed=seed,
    )
    pairs = read_pairs(data)
    open_folder(out)
    policy = load_policy(
        model, device=torch_device(device), gradient_checkpointing=True, lora_rank=lora_rank
    )
    prompts = Prompts(policy.tokenizer, limit=limit)
    with counting("steps") as show:
        done = train_on_pairs(
            policy, pairs, options, prompts, out, progress=lambda one: show(one.step, steps)
        )
    save_policy(policy, out / "policy")
    facts = [
        ("written", str(out / "policy")),
        ("loss", f"{done[0].loss:.4f} at first, {done[-1].loss:.4f} at last"),
        ("alignment", f"{done[0].alignment:.4f} at first, {done[-1].alignment:.4f} at last"),
    ]
    if prompts.dropped:
        facts.append(("warning", f"{len(prompts.dropped)} pairs were over the limit: dropped"))
    say(facts)
