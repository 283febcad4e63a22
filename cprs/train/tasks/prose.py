"""Prose from a small grammar: no names of people, no digits, no quotes, nothing anyone wrote."""

from __future__ import annotations

import random
from collections.abc import Iterator

_LISTS = {
    "who": "baker sailor teacher gardener farmer weaver doctor painter miller shepherd carpenter "
    "librarian traveller neighbour widow mason fisherman cook student tailor singer porter clerk "
    "potter hunter nurse guard captain merchant blacksmith beekeeper ferryman watchmaker",
    "thing": "ladder basket letter lamp map rope clock blanket barrel violin coat bell wheel chair "
    "window kettle mirror hammer book candle saddle drum wagon net spade jug hat bench ribbon "
    "plough paddle shelf curtain whistle parcel lantern trunk carpet telescope notebook",
    "what": "green worn narrow heavy broken quiet bright dusty hollow wide polished faded wooden "
    "crooked warm pale tall forgotten patient simple damp smooth rusty cheerful grey painted",
    "place": "river mill harbour orchard market bridge meadow chapel station valley kitchen tower "
    "garden library workshop quarry village square inn stable shore forest hillside school barn "
    "courtyard lighthouse canal cellar terrace vineyard crossroads",
    "did": "carried mended watched painted moved cleaned borrowed admired measured hid sold found "
    "opened counted described lifted sketched dropped examined guarded polished fetched repaired "
    "praised ignored weighed",
    "how": "slowly carefully gladly without_haste in_silence with_great_care at_last once_more "
    "with_both_hands as_usual without_a_word in_good_humour reluctantly",
    "when": "in_the_morning before_sunrise after_the_storm during_the_harvest at_dusk "
    "in_late_autumn when_the_snow_melted on_market_day by_the_end_of_winter "
    "after_supper before_the_rain while_the_tide_was_low in_those_years all_summer_long",
    "sky": "rain fog wind snow frost sunlight mist hail thunder smoke dew twilight",
    "came": "settled_over drifted_across reached covered left rolled_past crept_into returned_to "
    "hung_above surrounded",
    "why": "because_the_road_was_closed since_nobody_had_asked so_that_others_could_rest "
    "as_the_custom_required though_few_remembered_why because_the_work_was_late "
    "until_someone_called_from_outside as_if_nothing_had_changed for_the_sake_of_the_children",
}
_WORDS = {slot: tuple(w.replace("_", " ") for w in text.split()) for slot, text in _LISTS.items()}

_TEMPLATES = tuple(
    tuple(template.split("/"))
    for template in (
        "The /who/ /did/ the /thing/ near the /place/.",
        "The /sky/ /came/ the /what/ /place/ /when/.",
        "The /what/ /thing/ stood beside the /thing/ /when/.",
        "Nobody in the /place/ had seen the /who/ /when/.",
        "The /who/ and the /who/ /did/ a /what/ /thing/ /how/, /why/.",
        "From the /place/ one could hear the /who/ and, more faintly, the /thing/ of the /who/.",
        "A /what/ path led past the /place/ to the /place/ where the /who/ kept a /thing/.",
        "There was a /thing/ in every /place/, /why/.",
        "People said that the /place/ belonged to the /who/, but the /who/ knew better.",
        "The /who/ /did/ one more /thing/ and went back to the /place/ /how/.",
        "It took the /who/ a long time to learn how a /thing/ is made from a /what/ /thing/.",
        "The /place/ was /what/ and the /place/ was /what/, yet the /who/ liked both.",
        "When the /sky/ /came/ the /place/, the /who/ /did/ the /thing/ /how/.",
        "Years later the /who/ still spoke of the /what/ /thing/ from the /place/.",
        "Every /who/ needs a /thing/, /why/.",
        "Between the /place/ and the /place/ lay a /what/ field that the /who/ crossed /when/.",
    )
)


def sentences(rng: random.Random) -> Iterator[str]:
    """Sentences without end, each with the space or the empty line that follows it."""
    draw = rng.random
    while True:
        for left in range(rng.randrange(3, 8), 0, -1):
            template = _TEMPLATES[int(draw() * len(_TEMPLATES))]
            words = [
                _WORDS[part][int(draw() * len(_WORDS[part]))] if number % 2 else part
                for number, part in enumerate(template)
            ]
            yield "".join(words) + (" " if left > 1 else "\n\n")
