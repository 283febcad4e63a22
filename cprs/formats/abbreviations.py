"""Words whose full stop does not end a sentence, and words that begin one."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TITLES = _words(
    "mr mrs ms mx dr prof rev fr hon gen col maj capt cpt lt sgt cmdr adm gov sen rep pres messrs "
    "mme mlle st ste mt ft sr sra srta dipl ing hr frau dott sig phil mag "
    "e.g i.e eg ie cf vs viz approx ca resp incl excl esp usw bzw z.b d.h u.a o.ä vgl bspw ggf "
    "p.ex ex env av dept asst assoc attn tel"
)
"""Never last in a sentence: something always follows them."""

NUMBERED = _words(
    "no nos nr nro fig figs eq eqs sec sect ch chap vol vols p pp pg art par ref refs tab tbl "
    "bd abs kap s ver v jan feb mar apr jun jul aug sep sept oct nov dec op cit lit"
)
"""Not last where a number follows."""

FINAL = _words(
    "inc ltd co corp jr sr al etc univ est ave blvd rd bros llc plc gmbh mfg intl natl assn "
    "a.m p.m u.s u.k u.n e.u d.c ph.d m.d b.a m.a b.sc m.sc b.c a.d "
    "hrs min mins secs lb lbs oz ft sq km kg cm mm"
)
"""May be last: then a word that begins sentences follows."""

STARTERS = _words(
    "A An The In On At It He She They We I You This That These Those There Here However But And Or "
    "So If When While After Before As For From With His Her Their Its Our My Your What Who Why How "
    "Where Which Most Many Some All Both Each No Not Yet Then Thus Since Although Though Because "
    "During Despite Under Until Once One Two Also Another Such Other Let To By Is Are Was Were Do "
    "Does Did Can Could Should Would Will May Today Later Instead Moreover Furthermore "
    "Der Die Das Ein Eine Er Sie Es Wir Ich Im Am Und Aber Wenn Nach Le La Les Un Une Il Elle On "
    "Nous Vous Je Ce Cette Dans El Los Las Una En Ella Lo Gli Nel"
)
"""Words that, written with a capital, more likely begin a sentence than go on with a name."""

MONTHS = _words(
    "Januar Jänner Februar März April Mai Juni Juli August September Oktober November Dezember "
    "januar februar mars april mai juni juli august september oktober november desember"
)
"""Months that follow a day written with a full stop ("3. Oktober")."""
