"""Short articles on one subject each, full of its terms: what a reader would call keywords."""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import MappingProxyType

from cprs.train.tasks.marked import Marked, fill

SUBJECTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "brewing": (
            "wort", "top-fermenting yeast", "hop oils", "mash tun", "lautering", "barley malt",
            "original gravity", "cold crash", "diacetyl rest", "copper kettle",
            "bottle conditioning",
        ),
        "machine learning": (
            "gradient descent", "attention heads", "overfitting", "learning rate", "dropout",
            "training corpus", "loss function", "transfer learning", "embedding layer",
            "batch size",
            "backpropagation",
        ),
        "cardiology": (
            "atrial fibrillation", "ejection fraction", "beta blockers", "coronary stent",
            "mitral valve", "blood pressure", "pacemaker", "echocardiogram", "troponin level",
            "ventricular septum",
        ),
        "sailing": (
            "spinnaker", "tacking angle", "centreboard", "jib sheet", "tidal stream",
            "mooring buoy",
            "reefing line", "leeward shore", "rudder stock", "apparent wind",
        ),
        "monetary policy": (
            "interest rate", "inflation target", "open market operations", "bond yields",
            "quantitative easing", "central bank", "liquidity trap", "exchange rate",
            "reserve requirement", "consumer prices",
        ),
        "bee keeping": (
            "queen excluder", "brood frame", "varroa mites", "nectar flow", "swarm control",
            "royal jelly", "honey extractor", "propolis", "winter cluster", "drone cells",
        ),
        "volcanoes": (
            "magma chamber", "pyroclastic flow", "lava dome", "ash plume", "seismic tremor",
            "caldera", "fissure eruption", "sulphur dioxide", "basalt columns", "lahar",
        ),
        "databases": (
            "query planner", "write-ahead log", "foreign key", "B-tree index",
            "transaction isolation",
            "deadlock detection", "replication lag", "connection pool", "materialised view",
            "sharding",
        ),
        "astronomy": (
            "red dwarf", "transit method", "spectral lines", "neutron star", "adaptive optics",
            "dark matter", "event horizon", "cosmic background", "light curve", "exoplanet",
        ),
        "bread": (
            "sourdough starter", "gluten network", "proofing basket", "rye flour", "oven spring",
            "autolyse", "crumb structure", "baker's percentage", "steam injection", "levain",
        ),
        "labour law": (
            "notice period", "collective agreement", "works council", "severance pay",
            "probationary period", "unfair dismissal", "minimum wage", "parental leave",
            "non-compete clause", "sick pay",
        ),
        "photography": (
            "shutter speed", "aperture", "depth of field", "white balance", "light meter",
            "telephoto lens", "dynamic range", "tripod head", "raw format", "focal length",
        ),
        "soil": (
            "humus layer", "nitrogen fixation", "clay minerals", "crop rotation", "cover crops",
            "earthworm casts", "pH value", "water retention", "compost heap", "topsoil erosion",
        ),
        "railways": (
            "signal box", "overhead line", "axle counter", "freight yard", "narrow gauge",
            "rolling stock", "level crossing", "ballast bed", "switch heater", "interlocking",
        ),
    }
)  # fmt: skip

_SAYS = (
    "Much depends on {t}.", "First comes {t}, then {t}.", "Without {t} there would be no {t}.",
    "Beginners often forget about {t}.", "There are several ways to look at {t}.",
    "The role of {t} was understood only later.", "In practice, {t} and {t} go together.",
    "Few people ask why {t} matters so much.", "One can see this from {t}.",
    "What is called {t} is often something else.", "Compared with {t}, it is a minor thing.",
    "This has little to do with {t}.", "Some say that {t} decides everything.",
    "It is here that {t} comes in.", "The effect of {t} on {t} is well known.",
    "A closer look at {t} is worth it.", "Both {t} and {t} have to be right.",
    "If you get {t} wrong, the rest does not help.", "{t} is the heart of the matter.",
)  # fmt: skip
_LINKS = (
    "That is all there is to say for now.", "Of course it is not always so simple.",
    "Many have tried, and some of them gave up.", "It is good to have patience.",
    "Let us come back to this later.", "People like to argue about it.", "The next part is easier.",
    "It takes a while until one sees this.", "There is more than one opinion here.",
    "In the end it is the same as before.", "That was not always so.", "So much for the beginning.",
)  # fmt: skip


def article(rng: random.Random, subject: str, count: int) -> list[Marked]:
    """`count` sentences on `subject`, two of three with its terms in them."""
    terms = SUBJECTS[subject]
    slot = {"t": ("keyphrase", lambda rng: rng.choice(terms))}
    said = []
    for _ in range(count):
        made = fill(rng.choice(_SAYS if rng.random() < 0.66 else _LINKS), rng, slot, {})
        said.append(Marked(made.text[:1].upper() + made.text[1:], made.marks))
    return said
