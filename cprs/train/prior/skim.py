"""`python -m cprs.train.prior.skim --data DIR --out FILE`: fit the first look anew.

Two parts: a static vector per token, and a ranking of windows. The ranking is fitted to have
evidence among the windows that are read, not at the very top: below a share of the windows it does
not matter what stands above it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cprs.critics.embedded_base import Base
from cprs.critics.skim import FEATURES, SHIPPED, Ranking, Skim, StaticVectors, order
from cprs.critics.unknown_words import UnknownWords
from cprs.critics.words import Pieces
from cprs.errors import CprsError
from cprs.formats import segment
from cprs.train.prior.examples import read_hay, read_sets, unmarked
from cprs.train.prior.options import parser, say
from cprs.train.prior.ranking import SLACK, Batch, balance, descend, doubles
from cprs.train.prior.static import static_vectors, word_embeddings
from cprs.train.sets.contexts import Context, build_contexts
from cprs.train.sets.data import Document, evidence_in, is_english, read_text
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
    asked = parser("cprs.train.prior.skim", __doc__, queries=16, out=SHIPPED)
    options = asked.parse_args(arguments)
    try:
        base = Base.load(options.weights)
        sets = read_sets(options.data, seed=options.seed)
        texts = [_sample(documents) for documents in sets.values()]
        texts += [read_text(path)[:SAMPLE] for path in options.haystack]
        vectors = static_vectors(
            word_embeddings(options.weights), frequency(base, texts), learnt=learnt(base)
        )
        hay = read_hay(options.haystack)
        contexts = training_contexts(sets, hay, queries=options.queries, seed=options.seed)
        examples = list(look(contexts, base, vectors))
        for source, shares in held_out(examples, parts=options.held_out).items():
            say(f"held out, evidence read: {source} " + " ".join(f"{s:.3f}" for s in shares))
        skim = Skim(vectors, fit(examples, seed=options.seed))
        skim.save(options.out)
    except CprsError as error:
        say(f"error: {error}")
        return error.exit_code
    say(f"{options.out}: {skim.digest}")
    return 0


def frequency(base: Base, texts: Sequence[str]) -> NDArray[np.int64]:
    """How often each token of the vocabulary occurs in `texts` (v,)."""
    count = np.zeros(len(base.vocabulary), np.int64)
    for text in texts:
        count += np.bincount(base.encode(text).ids, minlength=len(count))
    return count


def learnt(base: Base) -> NDArray[np.bool_]:
    """Which ids (v,) the base has learnt: not those that stand for words it lacks."""
    ids = np.arange(len(base.vocabulary), dtype=np.int32)
    known: NDArray[np.bool_] = UnknownWords(base.vocabulary).learnt(ids) == ids
    return known


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
            evidence = evidence_in(start, end, question.evidence)
            unsure = unmarked(context, question, start, evidence)
            total = sum(b - a for a, b in question.evidence)
            yield Example(context.source, features, evidence, unsure, total)
        say(f"{context.source}: {len(context.questions)} questions, {len(windows)} windows")


def fit(examples: Sequence[Example], *, seed: int = 0) -> Ranking:
    """The ranking that has most evidence among the windows read."""
    rng = np.random.default_rng(seed)
    examples = [example for example in examples if example.evidence.any()]
    rows = np.concatenate([example.features for example in examples])
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-4
    data = _draw(examples, mean, scale, rng)
    found = descend(data, rng, hidden=HIDDEN, epochs=EPOCHS)
    return Ranking(**doubles(mean=mean, scale=scale, **found))


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


if __name__ == "__main__":
    sys.exit(main())
