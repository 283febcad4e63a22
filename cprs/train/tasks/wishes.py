"""What people call the kinds of things in a text, the labels they tag them with, how they ask."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Wish:
    """A kind by its names, `one` and `many`; `labels` to tag it with in training, `unseen` words
    kept out of it. `whole`: it is a sentence or a line, not something in one."""

    one: tuple[str, ...]
    many: tuple[str, ...]
    labels: tuple[str, ...]
    unseen: tuple[str, ...]
    whole: bool = False


WISHES: Mapping[str, Wish] = MappingProxyType(
    {
        "date": Wish(
            ("date", "calendar date", "date mentioned"),
            ("dates", "calendar dates", "dates in any format", "days, months and years"),
            ("date", "day", "dates"),
            ("deadline", "term"),
        ),
        "time": Wish(
            ("time of day", "clock time"),
            ("times of day", "clock times", "times"),
            ("time", "clock"),
            ("hour", "schedule"),
        ),
        "person": Wish(
            ("person", "name of a person", "person's name", "personal name"),
            ("names of people", "people", "persons", "people's names", "names of persons", "names"),
            ("person", "name", "people"),
            ("individual", "actor"),
        ),
        "email": Wish(
            ("e-mail address", "email address", "email"),
            ("e-mail addresses", "email addresses", "emails"),
            ("email", "contact", "e-mail"),
            ("inbox", "electronic mail"),
        ),
        "url": Wish(
            ("link", "URL", "web address"),
            ("links", "URLs", "web addresses", "websites", "hyperlinks"),
            ("link", "website", "url"),
            ("web", "site"),
        ),
        "money": Wish(
            ("amount of money", "price", "sum of money", "monetary amount"),
            ("amounts of money", "prices", "sums of money", "costs", "monetary values"),
            ("money", "price", "sum"),
            ("payment", "value"),
        ),
        "phone": Wish(
            ("phone number", "telephone number"),
            ("phone numbers", "telephone numbers", "numbers to call"),
            ("phone", "number"),
            ("hotline", "line to call"),
        ),
        "percent": Wish(
            ("percentage", "percentage figure"),
            ("percentages", "percentage figures", "shares in percent"),
            ("percentage", "share", "percent"),
            ("rate", "proportion"),
        ),
        "quantity": Wish(
            ("measurement", "quantity with a unit", "number with its unit"),
            ("measurements", "quantities with units", "numbers with their units", "quantities"),
            ("measurement", "quantity"),
            ("dimension", "magnitude"),
        ),
        "duration": Wish(
            ("duration", "length of time", "span of time"),
            ("durations", "lengths of time", "spans of time", "time spans"),
            ("duration", "timespan"),
            ("interval", "how long"),
        ),
        "place": Wish(
            ("place", "location", "city or country", "place name"),
            ("places", "locations", "cities and countries", "place names", "names of places"),
            ("place", "location", "city"),
            ("where", "geography"),
        ),
        "organisation": Wish(
            ("organisation", "company", "company name", "institution"),
            ("organisations", "organizations", "companies", "names of companies", "institutions"),
            ("organisation", "company", "organization"),
            ("firm", "employer"),
        ),
        "reference": Wish(
            ("reference number", "order or ticket number", "identifier"),
            ("reference numbers", "order and ticket numbers", "identifiers", "IDs", "file numbers"),
            ("reference", "identifier", "id"),
            ("code", "key"),
        ),
        "address": Wish(
            ("IP address", "host address"),
            ("IP addresses", "host addresses", "IPs"),
            ("ip", "host"),
            ("machine", "network"),
        ),
        "path": Wish(
            ("file path", "path of a file", "file"),
            ("file paths", "paths", "files", "paths of files"),
            ("path", "file"),
            ("document", "disk"),
        ),
        "version": Wish(
            ("version number", "version"),
            ("version numbers", "versions", "releases"),
            ("version", "release"),
            ("build", "edition"),
        ),
        "keyphrase": Wish(
            ("keyword", "key phrase", "technical term", "keyphrase"),
            ("keywords", "key phrases", "technical terms", "key terms", "important terms",
             "keyphrases"),
            ("keyword", "concept"),
            ("jargon", "vocabulary"),
        ),
        "timestamp": Wish(
            ("timestamp", "time stamp"),
            ("timestamps", "time stamps"),
            ("timestamp", "stamp"),
            ("moment", "instant"),
        ),
        "error": Wish(
            ("error line", "error", "error message", "line that reports an error", "log error"),
            ("error lines", "errors", "error messages", "lines that report an error", "failures",
             "log entries with errors"),
            ("error", "failure"),
            ("crash", "bug"),
            whole=True,
        ),
        "warning": Wish(
            ("warning line", "warning", "line with a warning"),
            ("warning lines", "warnings", "warnings in the log", "lines that warn"),
            ("warning", "warn"),
            ("alert", "attention"),
            whole=True,
        ),
        "info": Wish(
            ("info line", "informational entry"),
            ("info lines", "informational log entries", "INFO messages"),
            ("info", "notice"),
            ("normal", "routine"),
            whole=True,
        ),
        "debug": Wish(
            ("debug line", "debug message"),
            ("debug lines", "debug messages", "debugging output"),
            ("debug", "trace"),
            ("noise", "verbose"),
            whole=True,
        ),
        "trace": Wish(
            ("stack trace line", "line of a traceback"),
            ("stack traces", "tracebacks", "lines of stack traces"),
            ("traceback", "stack"),
            ("backtrace", "frames"),
            whole=True,
        ),
        "decision": Wish(
            ("decision", "decision taken", "resolution"),
            ("decisions", "decisions taken", "resolutions", "things that were decided"),
            ("decision", "decided"),
            ("verdict", "outcome"),
            whole=True,
        ),
        "action": Wish(
            ("action item", "open task", "to-do", "task"),
            ("action items", "open tasks", "to-dos", "tasks", "next steps", "TODOs"),
            ("action", "task", "todo"),
            ("assignment due", "next"),
            whole=True,
        ),
        "question": Wish(
            ("question", "question asked"),
            ("questions", "open questions", "questions that are asked"),
            ("question", "asked"),
            ("query", "inquiry"),
            whole=True,
        ),
        "definition": Wish(
            ("definition", "definition of a term"),
            ("definitions", "definitions of terms", "explanations of what a term means"),
            ("definition", "meaning"),
            ("glossary", "explanation"),
            whole=True,
        ),
        "caution": Wish(
            ("safety warning", "warning", "hint at a danger"),
            ("safety warnings", "warnings", "risks and dangers", "cautions"),
            ("caution", "danger"),
            ("hazard", "safety"),
            whole=True,
        ),
        "complaint": Wish(
            ("complaint", "negative remark", "criticism"),
            ("complaints", "negative remarks", "criticism", "complaints of customers"),
            ("complaint", "negative"),
            ("bad", "dissatisfied"),
            whole=True,
        ),
        "praise": Wish(
            ("praise", "positive remark", "compliment"),
            ("praise", "positive remarks", "compliments", "words of thanks"),
            ("praise", "positive"),
            ("good", "satisfied"),
            whole=True,
        ),
        "import": Wish(
            ("import", "import statement"),
            ("imports", "import statements", "lines that import something"),
            ("import", "dependency"),
            ("module", "library"),
            whole=True,
        ),
        "constant": Wish(
            ("constant", "constant definition"),
            ("constants", "definitions of constants"),
            ("constant", "parameter"),
            ("limit", "fixed"),
            whole=True,
        ),
    }
)  # fmt: skip

_ASK = (
    "Extract every {one}.",
    "Extract every {one} from the text.",
    "Extract all {many}.",
    "extract the {many}",
    "Find all {many} in this text.",
    "Find every {one}.",
    "List the {many}.",
    "List all {many} that occur.",
    "Keep the {many} and drop everything else.",
    "Keep only {many}.",
    "I need all {many}.",
    "Which {many} are there?",
    "What {many} are mentioned?",
    "Pull out each {one} you can find.",
    "Highlight the {many}.",
    "Show me all {many}.",
    "{many}",
    "all {many}",
    "every {one}",
    "You are a careful reader. Return all {many} in the document, nothing else.",
)
_EXACT = ("", "", "", " Give the exact words only.", " Keep no more than the words themselves.")
_SENTENCES = (
    "Extract every sentence that contains {many}.",
    "Keep the lines with {many}.",
    "Which sentences mention {many}?",
    "Extract all lines in which {many} occur.",
    "Keep whole sentences that have {many} in them.",
    "List each sentence or line with {many}.",
)
_TAG = (
    "Tag the {many} with '{label}'.",
    "Tag every {one} with '{label}'.",
    "Mark all {many} as '{label}'.",
    "Mark each {one} as '{label}'.",
    "Label the {many} with '{label}'.",
    'Label every {one} as "{label}".',
    "Find the {many} and tag them with '{label}'.",
    "Extract all {many} and mark them as '{label}'.",
)


def ask(wish: Wish, rng: random.Random) -> str:
    """An instruction to keep all things of a kind."""
    made = _said(rng.choice(_ASK), wish, rng)
    return made if wish.whole or not made.endswith(".") else made + rng.choice(_EXACT)


def ask_around(wish: Wish, rng: random.Random) -> str:
    """An instruction to keep all sentences or lines that mention something of a kind."""
    return _said(rng.choice(_SENTENCES), wish, rng)


def ask_tagged(wish: Wish, label: str, rng: random.Random) -> str:
    """An instruction to call all things of a kind by `label`."""
    return _said(rng.choice(_TAG), wish, rng, label)


def _said(form: str, wish: Wish, rng: random.Random, label: str = "") -> str:
    return form.format(one=rng.choice(wish.one), many=rng.choice(wish.many), label=label)
