"""The reward QwenLong-L1's code was released with, bug for bug: `rule="qwenlong_l1"`.

Source: `verl/verl/utils/reward_score/{docqa,docmath,long}.py` of that repository (Apache-2.0),
written anew from its behaviour. It is here so that runs can be compared with theirs; for anything
else use `cover`. Known: "the" and "?" are right for any gold answer of words, upper-case "The
answer is" is not seen, numbers lose their sign and may be off by powers of ten. Their `eval` of
what a model wrote is not: all that can reach it is a literal.
"""

from __future__ import annotations

import ast
import math
import re
import string

from cprs.l1.answers import CLOSE

_ANSWER = "the answer is"
_NUMBER = re.compile(r"the answer is (=?≈?`?%?\$?°?£?€?¥?-?[0-9.,]+)", re.IGNORECASE)
_CHOICES = (
    re.compile(r"The correct answer is \(([A-D])\)"),
    re.compile(r"The correct answer is ([A-D])"),
)
_ENDS = ("<｜Assistant｜>", "<｜end▁of▁sentence｜>")
_PREFIXED = re.compile(r"[^-+\d]{1,2}([\d,]*\.*\d+)$")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def qwenlong_l1(response: str, gold: str, *, kind: str) -> float:
    """1.0 or 0.0 for a whole response, as the released reward gives it (its judge apart).

    `gold` is the plain answer; their data writes it as a sentence of the prompt's form.
    """
    answer = published_answer(response, kind=kind)
    if not answer:
        return 0.0
    if kind == "choice":
        wanted = re.match(r"\W*([A-D])\b", gold)
        return float(wanted is not None and answer == wanted[1])
    if kind == "numeric":
        number = _NUMBER.search(f"{_ANSWER} {gold}".replace("*", ""))
        return float(number is not None and _same_number(_value(answer), _value(_trim(number[1]))))
    given, wanted_words = _normal(answer), _normal(_last(f"{_ANSWER} {gold}".replace("*", "")))
    return float(wanted_words in given or given in wanted_words)


def published_answer(response: str, *, kind: str) -> str | None:
    """What the released reward reads from a response, None (or nothing) where it gives 0 without
    asking its judge."""
    if CLOSE not in response:
        return None
    rest = response.split(CLOSE)[-1].strip().replace("*", "")
    if kind == "choice":
        for pattern in _CHOICES:
            if found := pattern.search(rest):
                return found[1]
        return None
    if kind == "numeric":
        number = _NUMBER.search(rest)
        return _trim(number[1]) if number else None
    return _last(rest) if _ANSWER in rest else None


def _last(text: str) -> str:
    answer = text.rsplit(_ANSWER, 1)[-1].strip()
    for end in _ENDS:
        answer = answer.replace(end, "")
    return answer.strip().strip(".").strip()


def _normal(text: str) -> str:
    """SQuAD's normal form: lower case, no punctuation, no articles, single spaces."""
    bare = text.lower().translate(_PUNCTUATION)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def _trim(number: str) -> str:
    return number.replace(",", "").rstrip(".")


def _value(text: str) -> int | float:
    """What the released code evaluates a matched number to: 0 for all that is no literal."""
    for sign in "=≈":
        text = text.split(sign)[-1].strip()
    bare = text.translate(str.maketrans("", "", "`%$°£€¥"))
    # Meant for a currency before the number, it also takes the point of ".5", which becomes 5.
    if found := _PREFIXED.match(bare):
        bare = found[1]
    try:
        value = ast.literal_eval(bare or "0")
    except (SyntaxError, ValueError):
        return 0
    return value if isinstance(value, (int, float)) else 0


def _same_number(given: int | float, gold: int | float) -> bool:
    """Equal up to the sign and to a power of ten that floating point hits, or to a factor of
    100, 1,000 or 100,000 within 0.15 %, or rounded up to three places, or within 0.15 %."""
    try:
        large, small = max(abs(gold), abs(given)), min(abs(gold), abs(given))
        if large and small:
            power = math.log10(large) - math.log10(small)
            if int(power) == power:
                return True
        for apart, factor in ((50, 100), (500, 1000), (50_000, 100_000)):
            if small <= large / apart and _near(small * factor, large):
                return True
        if math.ceil(large * 1000) / 1000 == math.ceil(small * 1000) / 1000:
            return True
        return _near(given, gold)
    except OverflowError:
        return False


def _near(given: float, gold: float) -> bool:
    return gold - abs(gold) * 0.0015 <= given <= gold + abs(gold) * 0.0015
