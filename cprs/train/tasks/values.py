"""Names and values to look for: word pairs, numbers, UUIDs, people, towns."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable

_FIRST = (
    "amber ancient arctic autumn bitter blazing bold brisk bronze calm carmine clever cobalt "
    "copper coral crimson crystal curly daring distant dusky eager early ebony electric elegant "
    "emerald fabled fearless fierce floral fragile frosty gentle gilded glassy golden graceful "
    "hazel hidden humble icy indigo ivory jade jolly keen lilac lively lonely lucky lunar "
    "magenta marble mellow misty modest mossy nimble noble opal pearl placid proud purple quick "
    "rapid royal ruby rustic sable scarlet shy silent silver sleepy solar spotted stony sunny "
    "swift tender tidal turquoise velvet violet vivid wandering weary wild windy witty zesty"
).split()
_SECOND = (
    "acorn anchor antelope anvil badger bamboo beacon beetle birch bobcat canyon cedar comet "
    "condor cricket crocus cypress dolphin dragon eagle ember falcon fern ferret finch fjord "
    "fossil fox gazelle geyser glacier granite harp hawk hedgehog heron hornet iguana island "
    "jackal jaguar juniper kestrel koala lagoon leopard lizard lotus lynx magpie maple marlin "
    "meteor monsoon narwhal nebula newt oasis octopus orchid osprey otter panther parrot pebble "
    "pelican penguin petrel pigeon pine puffin quail quartz raven reef robin salmon sapling "
    "sequoia sparrow spruce squid stork summit swallow thicket tiger toucan tulip tundra turtle "
    "walrus willow wolf wombat yak zephyr zinnia"
).split()
_GIVEN = (
    "Adela Aldo Alma Amos Anika Arvid Berta Boris Carla Cedric Clara Dario Delia Edda Elio Emil "
    "Esther Fabio Flora Gideon Greta Hanno Helga Ida Igor Ines Ivo Jonas Judith Karim Kira Lars "
    "Leila Linus Lotte Magnus Marta Milan Mira Nadia Nils Olga Omar Oskar Paula Pavel Petra "
    "Quentin Ramon Rosa Rufus Samira Selma Stefan Tamar Tessa Tobias Ursula Valentin Vera "
    "Victor Wanda Yara Yusuf Zelda Zoltan"
).split()
_FAMILY = (
    "Abendroth Almeida Barros Bergström Castellan Dubrova Eklund Farkas Garrick Hadley Iversen "
    "Jankowski Kessler Lindqvist Marchetti Novak Okafor Pereira Quist Rademaker Salvatore "
    "Tanaka Ullman Vasquez Whitlock Yamamoto Zielinski Brandt Corrigan Delacroix Engström "
    "Fontaine"
).split()
TOWNS = (
    "Aldermere Brackenford Coldwater Dunhollow Eastmarsh Fernbridge Greywick Hollowmoor "
    "Inverbeck Kestrelby Larkhaven Millbrook Northolme Oakhampton Pinewater Quarrytown Redcliff "
    "Saltmarsh Thornbury Upwell Vailsgate Westerly Yarrowdale"
).split()

KINDS = ("word", "number", "identifier")
"""What the value of a needle is; see `value`."""


def pair(rng: random.Random) -> str:
    """Two words with a hyphen, such as `amber-fox`: some 9,000 of them."""
    return f"{rng.choice(_FIRST)}-{rng.choice(_SECOND)}"


def triple(rng: random.Random) -> str:
    """Three words with hyphens: some 800,000, so that texts can be joined and no
    name be in two."""
    return f"{rng.choice(_FIRST)}-{pair(rng)}"


def sibling(name: str, rng: random.Random) -> str:
    """Another name that shares all but the last word with `name`."""
    head, _, last = name.rpartition("-")
    return f"{head}-{rng.choice([word for word in _SECOND if word != last])}"


def number(rng: random.Random) -> str:
    """Seven digits."""
    return str(rng.randrange(1_000_000, 10_000_000))


def uuid4(rng: random.Random) -> str:
    """A UUID of version 4."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def person(rng: random.Random) -> str:
    """A first and a family name."""
    return f"{rng.choice(_GIVEN)} {rng.choice(_FAMILY)}"


def given(rng: random.Random, count: int) -> list[str]:
    """First names, all different."""
    return rng.sample(_GIVEN, count)


def value(kind: str, rng: random.Random) -> str:
    """A value of one of `KINDS`: a word pair, a number, a UUID."""
    return {"word": pair, "number": number, "identifier": uuid4}[kind](rng)


def distinct(make: Callable[[random.Random], str], count: int, rng: random.Random) -> list[str]:
    """`count` different values, in the order drawn."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[make(rng)] = None
    return list(found)


def listed(items: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + f" and {items[-1]}"
