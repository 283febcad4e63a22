"""What a run learns from and is measured on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256

from cprs.l1.example import Example
from cprs.l1.sft import Triplet


@dataclass(frozen=True, slots=True)
class Data:
    """`examples` for the phases, `triplets` for the warm-up, and sets of `held_out` examples, by
    name, for measuring."""

    examples: Sequence[Example]
    triplets: Sequence[Triplet] = ()
    held_out: Mapping[str, Sequence[Example]] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Of all that is learnt from."""
        found = sha256()
        for example in self.examples:
            found.update(json.dumps(asdict(example), sort_keys=True).encode())
        for triplet in self.triplets:
            found.update(json.dumps(asdict(triplet), sort_keys=True).encode())
        return found.hexdigest()[:16]
