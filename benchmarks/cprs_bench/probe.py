"""What `effort="fast"` costs a hybrid in recall: a tiny one, trained here on a CPU.

    python -m cprs_bench.probe --out DIR

Its text is remarks, and somewhere among them a few facts, each of which answers one question. From
random weights it learns the questions by heart, and a probe behind its first layer with it. Then
they are asked about texts a hundred times as long, in which the facts stand in other places beside
other facts. What comes out says how much of what thorough reading finds is left of it where the
probe chooses a sixth of the windows, not how good a hybrid of a pretrained base is.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from cprs.compressor import Compressor
from cprs.critics.hybrid.critic import HybridCritic
from cprs.critics.hybrid.tokens import load_tokens
from cprs.critics.lexical import LexicalCritic
from cprs.train.hybrid.batches import prepare
from cprs.train.hybrid.collate import inputs_of
from cprs.train.hybrid.folder import save_hybrid
from cprs.train.hybrid.learner import learner
from cprs.train.hybrid.train import PRETRAINED
from cprs.train.measure.needles import covered
from cprs.train.reason.loop import Step, fit
from cprs.train.reason.recipe import Recipe
from cprs.train.sets.contexts import Context
from cprs.train.sets.data import Question
from cprs_bench.random_base import SIZES, make_base

FACTS = {
    "Who took the chair?": "Maria Alvarez took the chair. ",
    "What did it cost?": "The budget came to 41,300 euros. ",
    "Where did they meet?": "The committee met in the old library. ",
    "How was the weather?": "Rain had fallen all night. ",
    "When does it begin?": "Work on the bridge begins in March. ",
    "Why was it late?": "A strike at the harbour held it up. ",
}
REMARKS = tuple(
    f"A {kind} remark about {what} was made by {who}. "
    for kind in ("further", "second", "short")
    for what in ("nothing", "the minutes", "coffee")
    for who in ("a guest", "someone", "the clerk")
)
BUDGET = 60
"""Tokens of an output: four or five sentences."""
RECIPE = Recipe(
    held_out=0.0,
    instructed=0.0,
    window=128,
    questions=4,
    hard_windows=2,
    steps=200,
    rate=1e-2,
    base_rate=1e-2,
    warmup=0.1,
    smoothing=0.0,
    labels=0.0,
    probe=1.0,
    precision="float32",
)


@dataclass(frozen=True, slots=True)
class Found:
    """Of `asked` questions those whose evidence was `kept`, the share of the windows that was
    `read`, and `seconds` for all of them."""

    effort: str
    asked: int
    kept: int
    read: float
    seconds: float


def text_of(rng: random.Random, remarks: int) -> Context:
    """So many remarks, and all facts among them."""
    said = [rng.choice(REMARKS) for _ in range(remarks)]
    for fact in FACTS.values():
        said.insert(rng.randrange(len(said) + 1), fact)
    text, questions = "".join(said), []
    for asked, fact in FACTS.items():
        start = text.index(fact)
        span = (start, start + len(fact) - 1)
        questions.append(Question(asked, (span,), level="sentence"))
    return Context("facts", "en", text, tuple(questions))


def trained(out: Path, recipe: Recipe, *, seed: int = 0) -> HybridCritic:
    """A hybrid of random weights that has learnt the facts, in the folder `out`."""
    rng, size = random.Random(seed), SIZES["tiny"]
    contexts = [text_of(rng, 40) for _ in range(40)]
    sets, critic = out / "sets", out / "critic"
    sets.mkdir(parents=True)
    row = {"id": "all", "lang": "en", "text": "\n".join([*FACTS, contexts[0].text]), "qas": []}
    (sets / "facts.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    base = make_base(out / "base", sets, size, seed=seed)
    data = prepare(contexts, load_tokens(base), LexicalCritic(), recipe, out / "data", base="none")
    critic.mkdir()
    model = learner(base, recipe, torch.device("cpu"))

    def tell(step: Step) -> None:
        if (step.step + 1) % 20 == 0:
            terms = "  ".join(f"{name} {value:.3f}" for name, value in step.terms.items())
            sys.stdout.write(f"step {step.step + 1}/{step.steps}  {terms}\n")
            sys.stdout.flush()

    fit(model, data, recipe, critic, inputs=inputs_of, base=PRETRAINED, progress=tell)
    save_hybrid(model, base, critic)
    return HybridCritic.load(critic)


def measured(
    critic: HybridCritic, *, texts: int, remarks: int, seed: int = 1, budget: int = BUDGET
) -> Iterator[Found]:
    """Every question about `texts` texts of so many remarks, by either effort."""
    for effort in ("thorough", "fast"):
        rng, compressor = random.Random(seed), Compressor(critic)
        kept = windows = read = asked = 0
        began = time.perf_counter()
        for _ in range(texts):
            context = text_of(rng, remarks)
            for question in context.questions:
                result = compressor.compress(
                    context.text, query=question.text, budget=budget, effort=effort
                )
                kept += all(covered(question, result))
                asked += 1
                windows += result.windows
                read += result.windows_read
        yield Found(effort, asked, kept, read / windows, time.perf_counter() - began)


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--steps", type=int, default=RECIPE.steps, metavar="N")
    parser.add_argument("--remarks", type=int, default=4000, metavar="N", help="of a text")
    parser.add_argument("--texts", type=int, default=4, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    given = parser.parse_args()
    torch.set_num_threads(1)
    recipe = replace(RECIPE, steps=given.steps, seed=given.seed)
    critic = trained(given.out, recipe, seed=given.seed)
    for found in measured(critic, texts=given.texts, remarks=given.remarks):
        sys.stdout.write(json.dumps(asdict(found)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
