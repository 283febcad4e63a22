"""Words that carry no topic of their own and so end a keyphrase."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOPWORDS = _words(
    # English
    "a about above after again against all also although am among an and any are as at be because "
    "been before being below between both but by can cannot could did do does doing done down "
    "during each either else ever every few for from further had has have having he hence her "
    "here hers herself him himself his how however i if in into is it its itself just least less "
    "let like many may me might mine more most much must my myself neither no nor not now of off "
    "often on once only onto or other our ours ourselves out over own per perhaps quite rather "
    "really said same shall she should since so some still such than that the their theirs them "
    "themselves then there therefore these they this those though through thus to too toward "
    "under until up upon us very via was we were what when where whether which while who whom "
    "whose why will with within without would yet you your yours yourself don't doesn't didn't "
    "isn't aren't wasn't weren't won't can't couldn't it's that's there's i'm he's she's we're "
    # German
    " aber als am auf aus bei bin bis das dass dem den der des die durch ein eine einem einen "
    "einer eines er es für hat haben ich ihr im ist ja kann mit nach nicht noch nur oder sich "
    "sie sind um und vom von vor war waren werden wie wir wird zu zum zur über "
    # French, Spanish, Italian, Portuguese
    " au aux avec ce ces cette dans du elle en est et il ils je la le les leur mais ne nous "
    "ou où par pas pour qu que qui sa se ses son sont sur un une vous y à été con del el ella "
    "ellos entre era es esta este fue ha hay las lo los más no para pero por se sin sobre su "
    "sus también una uno che ci da dal dalla degli dei della delle di gli ho i nel nella non "
    "per più sono suo ao aos com como da das do dos em foi mais na nas não nos os pela pelo "
    "são sua um uma "
)

STOP_CHARACTERS = frozenset(
    "的了是在和与與或也都就而及但对對把被让讓从從这這那哪之吗嗎呢吧啊我你他她它们們"
)
"""Chinese characters that are mostly function words; hiragana is treated alike."""
