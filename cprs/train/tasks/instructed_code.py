"""Instructions over programs: functions by what they do, imports, constants, notes of work."""

from __future__ import annotations

from cprs.train.tasks import programs
from cprs.train.tasks.base import Made, Order, task
from cprs.train.tasks.composed import Block, compose
from cprs.train.tasks.wishes import WISHES, ask

_FUNCTION = (
    "Extract the function that {ask} the {noun}.",
    "Find the function that {ask} a {noun}.",
    "function that {ask} {noun}s",
    "Keep only the method which {ask} the {noun}.",
    "Where is the code that {ask} the {noun}?",
    "Show me the definition of the function that {ask} the {noun}.",
)
_FUNCTIONS = (
    "Extract every function that {ask} something.",
    "function that {ask}",
    "Find all functions that {ask} anything.",
    "Keep the functions which {ask} something, drop the others.",
)


def _functions(order: Order) -> Made:
    """A file of functions; some are asked for by what they do, one that is not there."""
    rng = order.rng
    language = rng.choice(programs.LANGUAGES)
    nouns = rng.sample(programs.NOUNS, rng.randrange(4, 12))
    deeds = rng.sample(programs.DEEDS, rng.randrange(5, 12))
    left = [(deed, noun) for deed in deeds for noun in nouns]
    rng.shuffle(left)

    def block() -> Block:
        if rng.random() < 0.12:
            make = rng.choice((programs.imported, programs.constant, programs.todo))
            return [make(rng, language) for _ in range(rng.randrange(1, 4))], "\n"
        deed, noun = left.pop() if left else (rng.choice(deeds), rng.choice(nouns))
        return [programs.function(rng, deed, noun, language)], "\n"

    made = compose(order, block)
    deeds_there, pairs_there = programs.asked(list(made.marks))
    questions = []
    by_kind = {deed.kind: deed for deed in programs.DEEDS}
    near = sorted(made.marks, key=lambda mark: abs(mark.start - order.depth * len(made.text)))
    first = next((m.kind[5:] for m in near if m.kind.startswith("does ") and "/" in m.kind), "")
    pairs = [(kind, noun) for kind, noun in sorted(pairs_there) if f"{kind}/{noun}" != first]
    asked = [tuple(first.split("/"))] * bool(first) + rng.sample(pairs, min(2, len(pairs)))
    for kind, noun in asked:
        wanted = rng.choice(_FUNCTION).format(ask=rng.choice(by_kind[kind].ask), noun=noun)
        questions.append(made.question(wanted, made.of(f"does {kind}/{noun}"), "function"))
    for kind in rng.sample(sorted(deeds_there), min(2, len(deeds_there))):
        wanted = rng.choice(_FUNCTIONS).format(ask=rng.choice(by_kind[kind].ask))
        questions.append(made.question(wanted, made.of(f"does {kind}"), "function"))
    others = [deed for deed in programs.DEEDS if deed.kind not in deeds_there]
    if others:
        deed = rng.choice(others)
        wanted = rng.choice(_FUNCTION).format(ask=rng.choice(deed.ask), noun=rng.choice(nouns))
        questions.append(made.question(wanted, (), "function"))
    for kind in ("import", "constant", "action"):
        if rng.random() < 0.4:
            questions.append(made.question(ask(WISHES[kind], rng), made.of(kind), "line"))
    return made.text, questions


instructed_functions = task("instructed_functions", _functions, context="whole")
