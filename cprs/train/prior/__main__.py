"""`python -m cprs.train.prior --data DIR --out FILE`: fit the shipped prior anew."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from cprs.critics.embedded_base import Base
from cprs.critics.prior import SHIPPED
from cprs.errors import CprsError
from cprs.train.prior.examples import Example, Reader, training_contexts
from cprs.train.prior.options import parser, say
from cprs.train.prior.ranking import fit, recall


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the sets, fit, write. Returns the exit code."""
    asked = parser("cprs.train.prior", __doc__, queries=64, out=SHIPPED)
    options = asked.parse_args(arguments)
    try:
        contexts = list(
            training_contexts(
                options.data, options.haystack, queries=options.queries, seed=options.seed
            )
        )
        reader = Reader(Base.load(options.weights))
        centre = reader.centre(contexts)
        examples: list[Example] = []
        for number, context in enumerate(contexts, 1):
            examples += reader.examples(context, centre)
            say(f"{number}/{len(contexts)} {context.source}: {len(examples)} questions")
        for source, share in held_out(examples, centre, parts=options.held_out).items():
            say(f"held out, recall at 32x: {source} {share:.3f}")
        prior = fit(examples, centre, seed=options.seed)
        prior.save(options.out)
    except CprsError as error:
        say(f"error: {error}")
        return error.exit_code
    say(f"{options.out}: threshold {prior.threshold}")
    return 0


def held_out(
    examples: Sequence[Example],
    centre: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    *,
    parts: int,
) -> dict[str, float]:
    """Recall at 32x per set, each under a prior that never saw that set or `parts`-th."""
    sources = sorted({example.source for example in examples})
    found: dict[str, float] = {}
    for part in range(parts):
        out = set(sources[part::parts])
        prior = fit([e for e in examples if e.source not in out], centre)
        found |= recall(prior, [e for e in examples if e.source in out])
    return dict(sorted(found.items()))


if __name__ == "__main__":
    sys.exit(main())
