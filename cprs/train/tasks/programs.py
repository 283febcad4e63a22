"""Functions in several languages, and how one would describe what each of them does."""

from __future__ import annotations

import random
from dataclasses import dataclass

from cprs.train.tasks.marked import Mark, Marked

NOUNS = (
    "invoice customer header config address token email date order ticket payload message image "
    "report schedule booking profile session manifest record query packet formula receipt playlist "
    "recipe sensor coupon contract itinerary"
).split()


@dataclass(frozen=True, slots=True)
class Deed:
    """What functions do: verbs for their `names`, ways to `ask` for them, `lines` of a body in
    which `@` is the noun; `docs` say it in other words, for a comment or nothing at all."""

    kind: str
    names: tuple[str, ...]
    ask: tuple[str, ...]
    docs: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


DEEDS = (
    Deed(
        "parse",
        ("parse", "read", "decode", "from_text", "split"),
        ("parses", "parses", "decodes", "makes sense of the text of", "interprets"),
        ("Build one from its text form.", "Parse the raw text.", "Break the string into fields."),
        (
            ("fields = text.split(',')", "return @(fields[0], int(fields[1]))"),
            ("match = PATTERN.match(text)", "return @(match.group(1), match.group(2))"),
            ("data = json.loads(text)", "return @(data['id'], data['name'])"),
        ),
    ),
    Deed(
        "validate",
        ("validate", "check", "verify", "is_valid", "ensure"),
        ("validates", "checks", "verifies", "tests the validity of"),
        ("Reject what is not well formed.", "Whether it is acceptable.", "Validate the input."),
        (
            ("if not @.name or len(@.name) > 80:", "    raise ValueError('bad @')", "return True"),
            ("ok = @.total >= 0 and @.owner is not None", "return ok"),
        ),
    ),
    Deed(
        "save",
        ("save", "write", "store", "dump", "persist"),
        ("saves", "writes", "stores", "persists"),
        ("Put it on disk.", "Write to the given file.", "Keep it for later."),
        (
            ("with open(path, 'w') as out:", "    out.write(serialise(@))"),
            ("db.execute('INSERT INTO @ VALUES (?)', @.row())", "db.commit()"),
        ),
    ),
    Deed(
        "load",
        ("load", "open", "fetch_from_disk", "restore", "get_stored"),
        ("loads", "reads back", "restores", "opens"),
        ("Read it back from storage.", "Open the file and return what it holds."),
        (
            ("with open(path) as source:", "    return build(source.read())"),
            ("row = db.execute('SELECT * FROM @ WHERE id = ?', id)", "return @(*row)"),
        ),
    ),
    Deed(
        "send",
        ("send", "post", "publish", "dispatch", "notify"),
        ("sends", "publishes", "posts", "dispatches"),
        ("Hand it to the remote side.", "Publish to all subscribers."),
        (
            ("reply = http.post(URL, body=@.encode())", "return reply.status == 200"),
            ("socket.sendall(frame(@))", "self.sent += 1"),
        ),
    ),
    Deed(
        "sort",
        ("sort", "order_by", "rank", "arrange"),
        ("sorts", "orders", "arranges", "ranks"),
        ("Ascending by size.", "Newest first."),
        (
            ("items = list(@s)", "items.sort(key=lambda each: each.size)", "return items"),
            ("return sorted(@s, key=by_age, reverse=True)",),
        ),
    ),
    Deed(
        "count",
        ("count", "tally", "number_of", "histogram"),
        ("counts", "tallies", "finds the number of"),
        ("How many there are.", "Tally by owner."),
        (
            ("total = 0", "for each in @s:", "    total += 1", "return total"),
            ("return Counter(each.owner for each in @s)",),
        ),
    ),
    Deed(
        "delete",
        ("delete", "remove", "purge", "drop", "discard"),
        ("deletes", "removes", "gets rid of", "purges"),
        ("Gone for good.", "Remove it and all that hangs on it."),
        (
            ("db.execute('DELETE FROM @ WHERE id = ?', id)", "cache.pop(id, None)"),
            ("os.remove(path_of(@))", "self.entries.pop(@.id)"),
        ),
    ),
    Deed(
        "format",
        ("format", "render", "to_text", "display", "print"),
        ("formats", "renders", "displays", "prints"),
        ("For people to read.", "One line per entry."),
        (
            ("return f'{@.name}: {@.total:.2f}'",),
            ("rows = [str(each) for each in @s]", "print('\\n'.join(rows))"),
        ),
    ),
    Deed(
        "encrypt",
        ("encrypt", "seal", "cipher", "protect"),
        ("encrypts", "seals", "enciphers"),
        ("With the current key.",),
        (("box = AES.new(key, AES.MODE_GCM)", "return box.encrypt(@.encode())"),),
    ),
    Deed(
        "retry",
        ("retry", "try_again", "with_backoff", "attempt"),
        ("retries", "tries again with", "repeats a failed attempt with"),
        ("Up to five times, waiting longer each time.",),
        (
            (
                "for attempt in range(5):",
                "    if submit(@):",
                "        return True",
                "    time.sleep(2 ** attempt)",
            ),
        ),
    ),
    Deed(
        "sum",
        ("total", "add_up", "compute_sum", "accumulate"),
        ("adds up", "computes the total of", "sums"),
        ("The sum over all.",),
        (("amount = 0", "for each in @s:", "    amount += each.price", "return amount"),),
    ),
    Deed(
        "merge",
        ("merge", "combine", "join", "union"),
        ("merges", "combines", "joins"),
        ("The second wins where both have a value.",),
        (("merged = dict(left)", "merged.update(right)", "return @(merged)"),),
    ),
    Deed(
        "filter",
        ("filter", "select", "only", "matching"),
        ("filters", "selects", "keeps only part of"),
        ("Those that pass the test.",),
        (("return [each for each in @s if test(each)]",),),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Language:
    """How a function looks: its first line around name and arguments, its last, its comment."""

    head: str
    indent: str
    last: str
    comment: str
    camel: bool


LANGUAGES = (
    Language("def {name}({args}):", "    ", "", "#", False),
    Language("def {name}({args}):", "    ", "", "#", False),
    Language("function {name}({args}) {{", "  ", "}", "//", True),
    Language("func {name}({args}) error {{", "\t", "}", "//", True),
    Language("    public static Object {name}({args}) {{", "        ", "    }", "//", True),
    Language("fn {name}({args}) {{", "    ", "}", "//", False),
)
_ARGUMENTS = {"parse": "text", "load": "path", "save": "@, path", "merge": "left, right"}
_IMPORTS = ("json", "os", "re", "time", "socket", "logging", "sqlite", "random", "http", "math")
_TODO = (
    "handle empty input",
    "remove this when the new store is out",
    "make it faster",
    "add tests",
)


def function(rng: random.Random, deed: Deed, noun: str, language: Language) -> Marked:
    """One function that does `deed` to `noun`; the comment above it, if any, is part of it."""
    verb = rng.choice(deed.names)
    name = f"{verb}_{noun}"
    if language.camel:
        first, *rest = name.split("_")
        name = first + "".join(part.capitalize() for part in rest)
    arguments = _ARGUMENTS.get(deed.kind, rng.choice(("@", "@, options", "@s"))).replace("@", noun)
    body = list(rng.choice(deed.lines))
    for line in rng.sample(_NOISE, rng.randrange(3)):
        body.insert(0, line)
    pad = language.indent
    rows = [language.head.format(name=name, args=arguments)]
    said = rng.random()
    if said < 0.3:
        rows.insert(
            0,
            f"{pad[:-4] if language.camel and len(pad) == 8 else ''}"
            f"{language.comment} {rng.choice(deed.docs)}",
        )
    elif said < 0.5 and language.comment == "#":
        rows.append(f'{pad}"""{rng.choice(deed.docs)}"""')
    rows += [pad + line.replace("@", noun) for line in body]
    if language.last:
        rows.append(language.last)
    made = Marked("\n".join(rows))
    return made.whole(f"does {deed.kind}", f"does {deed.kind}/{noun}")


_NOISE = ("log.debug('called')", "started = clock()", "options = dict(DEFAULTS)", "self.calls += 1")


def imported(rng: random.Random, language: Language) -> Marked:
    """A line that imports something."""
    name = rng.choice(_IMPORTS)
    form = {
        "#": (f"import {name}", f"from {name} import tools"),
        "//": (f'import "{name}"', f"import {{ tools }} from '{name}';", f"use std::{name};"),
    }[language.comment]
    return Marked(rng.choice(form)).whole("import")


def constant(rng: random.Random, language: Language) -> Marked:
    """A line that sets a constant."""
    name = f"{rng.choice(('MAX', 'DEFAULT', 'MIN'))}_{rng.choice(NOUNS).upper()}"
    value = rng.randrange(2, 900)
    row = f"{name} = {value}" if language.comment == "#" else f"const {name} = {value};"
    return Marked(row).whole("constant")


def todo(rng: random.Random, language: Language) -> Marked:
    """A comment that says what is still to be done."""
    word = rng.choice(("TODO", "FIXME", "TODO"))
    return Marked(f"{language.comment} {word}: {rng.choice(_TODO)}").whole("action")


def asked(marks: list[Mark]) -> tuple[set[str], set[tuple[str, str]]]:
    """The deeds of some marks, and with what they are done to."""
    kinds = [mark.kind.removeprefix("does ") for mark in marks if mark.kind.startswith("does ")]
    deeds = {kind for kind in kinds if "/" not in kind}
    pairs = {(kind.split("/")[0], kind.split("/")[1]) for kind in kinds if "/" in kind}
    return deeds, pairs
