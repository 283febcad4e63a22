"""`python -m cprs.train.prior.skim --data DIR --out FILE`: fit the first look anew.

Two parts: a static vector per token, and a ranking of windows. The ranking is fitted to have
evidence among the windows that are read, not at the very top: below a share of the windows it does
not matter what stands above it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.critics.embedded_base import Base
from cprs.critics.skim import FEATURES, SHIPPED, Ranking, Skim, StaticVectors, order
from cprs.critics.words import Pieces
from cprs.errors import CprsError
from cprs.formats import segment
from cprs.train.prior.examples import INCOMPLETE, places
from cprs.train.prior.ranking import SLACK, Batch, balance, descend
from cprs.train.prior.static import static_vectors, word_embeddings
from cprs.train.sets.contexts import Context, build_contexts
from cprs.train.sets.data import Document, find_sources, is_english, read_documents, read_text
from cprs.train.sets.synthetic import make_documents
from cprs.units import IntArray
from cprs.windows import cut_windows

SIZE = 200_000
"""Code points of a context."""
SAMPLE = 200_000
"""Code points of a text, or of a set, that tokens are counted in."""
ABOVE = 0.06
"""The share of windows that may stand above one with evidence before it costs much."""
POSITIVES, OTHERS, HIDDEN, EPOCHS = 12, 240, 16, 100
READ = (1 / 4, 1 / 6, 1 / 8, 1 / 12)
"""The shares of windows that held-out figures are printed for."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Example:
    """One question over a context of w windows.

    `features` (w, f); `evidence` (w,) code points of evidence in each; `unsure` (w,) neither
    evidence nor not; `total` code points of evidence.
    """

    source: str
    features: Floats
    evidence: IntArray
    unsure: NDArray[np.bool_]
    total: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the sets, fit, write. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cprs.train.prior.skim", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of question sets")
    parser.add_argument(
        "--haystack", type=Path, nargs="+", default=[], help="texts to put documents into"
    )
    parser.add_argument("--queries", type=int, default=16, help="questions per set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", type=Path, help="the base's folder")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--held-out", type=int, default=0, metavar="N", help="as for the prior")
    options = parser.parse_args(arguments)
    try:
        base = Base.load(options.weights)
        sets = read_sets(options.data, seed=options.seed)
        hay = "\n\n".join(read_text(path)[5_000:75_000] for path in options.haystack)
        texts = [_sample(documents) for documents in sets.values()]
        texts += [read_text(path)[:SAMPLE] for path in options.haystack]
        vectors = static_vectors(word_embeddings(options.weights), frequency(base, texts))
        contexts = training_contexts(sets, hay, queries=options.queries, seed=options.seed)
        examples = list(look(contexts, base, vectors))
        for source, shares in held_out(examples, parts=options.held_out).items():
            _say(f"held out, evidence read: {source} " + " ".join(f"{s:.3f}" for s in shares))
        skim = Skim(vectors, fit(examples, seed=options.seed))
        skim.save(options.out)
    except CprsError as error:
        _say(f"error: {error}")
        return error.exit_code
    _say(f"{options.out}: {skim.digest}")
    return 0


def read_sets(directory: Path, *, seed: int) -> dict[str, list[Document]]:
    """The sets of a folder, and made-up lookups and logs."""
    sets = {name: list(read_documents(path)) for name, path in find_sources(directory).items()}
    for document in make_documents(count=48, seed=seed):
        sets.setdefault(document.source, []).append(document)
    return sets


def frequency(base: Base, texts: Sequence[str]) -> NDArray[np.int64]:
    """How often each token of the vocabulary occurs in `texts` (v,)."""
    count = np.zeros(len(base.vocabulary), np.int64)
    for text in texts:
        count += np.bincount(base.encode(text).ids, minlength=len(count))
    return count


def training_contexts(
    sets: dict[str, list[Document]], hay: str, *, queries: int, seed: int
) -> Iterator[Context]:
    """Long contexts of every set, with questions that have evidence."""
    for documents in sets.values():
        yield from build_contexts(
            documents,
            haystack=hay,
            queries=queries,
            per_context=32,
            size=SIZE if is_english(documents[0].language) else SIZE // 4,
            seed=seed,
        )


def look(contexts: Iterator[Context], base: Base, vectors: StaticVectors) -> Iterator[Example]:
    """An example per question: the same windows and features as in use."""
    pieces = Pieces(base.vocabulary)
    empty = Ranking(*[np.zeros(1)] * len(fields(Ranking)))
    skim = Skim(vectors, empty)
    for context in contexts:
        bounds = segment(context.text, format="text", granularity="sentence").passages
        windows = cut_windows(base.encode(context.text), bounds, size=base.window)
        start = np.array([window.start for window in windows])
        end = np.array([window.end for window in windows])
        for question in context.questions:
            ids = base.encode(question.guidance().question).ids
            features = skim.features(pieces, ids, windows)
            evidence = np.zeros(len(windows), np.int64)
            for a, b in question.evidence:
                evidence += np.clip(np.minimum(end, b) - np.maximum(start, a), 0, None)
            unsure = np.zeros(len(windows), np.bool_)
            if context.source in INCOMPLETE:
                for place in places(context.text, question.answers):
                    unsure[max(int(np.searchsorted(start, place, side="right")) - 1, 0)] = True
                unsure &= evidence == 0
            total = sum(b - a for a, b in question.evidence)
            yield Example(context.source, features, evidence, unsure, total)
        _say(f"{context.source}: {len(context.questions)} questions, {len(windows)} windows")


def fit(examples: Sequence[Example], *, seed: int = 0) -> Ranking:
    """The ranking that has most evidence among the windows read."""
    rng = np.random.default_rng(seed)
    examples = [example for example in examples if example.evidence.any()]
    rows = np.concatenate([example.features for example in examples])
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-4
    data = _draw(examples, mean, scale, rng)
    found = descend(data, rng, hidden=HIDDEN, epochs=EPOCHS)
    return Ranking(
        mean=mean.astype(np.float64),
        scale=scale.astype(np.float64),
        linear=found["linear"].astype(np.float64),
        hidden=found["hidden"].astype(np.float64),
        bias=found["bias"].astype(np.float64),
        out=found["out"].astype(np.float64),
    )


def evidence_read(ranking: Ranking, example: Example, share: float) -> float:
    """The share of the evidence that lies in the best `share` of the windows."""
    score = order(ranking, example.features)
    count = int(np.ceil(share * len(score)))
    best = np.argsort(-score, kind="stable")[:count]
    return float(example.evidence[best].sum() / max(example.evidence.sum(), 1))


def held_out(examples: Sequence[Example], *, parts: int) -> dict[str, list[float]]:
    """Evidence read at each of `READ`, per set, by rankings that never saw the set."""
    sources = sorted({example.source for example in examples})
    found: dict[str, list[float]] = {}
    for part in range(parts):
        out = set(sources[part::parts])
        ranking = fit([e for e in examples if e.source not in out])
        for source in out:
            asked = [e for e in examples if e.source == source and e.evidence.any()]
            shares = [[evidence_read(ranking, e, share) for share in READ] for e in asked]
            found[source] = np.mean(shares, axis=0).tolist()
    if found:
        found["all"] = np.mean(list(found.values()), axis=0).tolist()
    return dict(sorted(found.items()))


def _draw(examples: Sequence[Example], mean: Any, scale: Any, rng: np.random.Generator) -> Batch:
    n, f = len(examples), len(FEATURES)
    batch = Batch(
        positive=np.zeros((n, POSITIVES, f), np.float32),
        share=np.zeros((n, POSITIVES), np.float32),
        negative=np.zeros((n, OTHERS, f), np.float32),
        count=np.full((n, OTHERS), -1e9, np.float32),
        weight=balance([example.source for example in examples]),
    )
    for i, example in enumerate(examples):
        x = np.clip((example.features - mean) / scale, -5, 5)
        evidence = np.flatnonzero(example.evidence)
        some = rng.choice(evidence, min(len(evidence), POSITIVES), replace=False)
        batch.positive[i, : len(some)] = x[some]
        batch.share[i, : len(some)] = example.evidence[some] / example.evidence[some].sum()
        other = np.flatnonzero((example.evidence == 0) & ~example.unsure)
        some = rng.choice(other, min(len(other), OTHERS), replace=False)
        batch.negative[i, : len(some)] = x[some]
        # Each stands for so many that a share of ABOVE is what the loss lets stand above.
        batch.count[i, : len(some)] = np.log(SLACK / (ABOVE * max(len(some), 1)))
    return batch


def _sample(documents: Sequence[Document]) -> str:
    """The beginning of a set, `SAMPLE` characters at most."""
    parts: list[str] = []
    size = 0
    for document in documents:
        parts.append(document.text)
        size += len(document.text)
        if size > SAMPLE:
            break
    return "\n\n".join(parts)[:SAMPLE]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
