"""Where training data lie, and the contexts made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cprs.errors import OptionError
from cprs.train.reason.recipe import Recipe
from cprs.train.sets.contexts import Context, build_contexts, is_alone
from cprs.train.sets.data import (
    ENDINGS,
    Document,
    find_sources,
    is_english,
    read_documents,
    read_text,
)
from cprs.train.sets.synthetic import make_documents
from cprs.train.tasks import TASKS, Haystack
from cprs.train.tasks import make_documents as make_tasks

PER_CONTEXT, PER_DOCUMENT = 32, 8
"""Questions asked of one joined context, and around one document: reading them costs most."""
LABELLED = ("extract_labels", "instructed_labels", "page_labels")
"""Tasks that ask for several labels at once."""
LENGTHS = (2_000, 5_000, 14_000)
"""Code points of a task's documents."""
HARD = frozenset(
    {
        "instructed_kinds",
        "instructed_labels",
        "instructed_functions",
        "instructed_terms",
        "page_kinds",
        "page_labels",
        "variable_chain",
        "needle_multivalue",
        "topic_lines",
        "absent",
    }
)
"""Tasks that a prior cannot do: they get more documents, of the shorter lengths."""
PER_TASK = 6
"""Questions asked of one of them at most."""
TASK_SEED = 10_000
"""Added to a recipe's seed: tasks made for measuring use small ones."""
MADE_UP = ("synthetic_lookup", "synthetic_log")
MEASURING = frozenset({"extract_labels_unseen"})
_HAY = slice(5_000, 75_000)
"""What is taken of each haystack: past its title pages."""


def training_folder(data: Path) -> Path:
    """The folder of training sets for `--data`: its `train/` or `critic/train/` before itself.

    Raises `OptionError` where none holds question sets.
    """
    for folder in (data / "train", data / "critic" / "train", data):
        if folder.is_dir() and any(path.name.endswith(ENDINGS) for path in folder.iterdir()):
            return folder
    raise OptionError(f"{data}: no question sets here or in train/ (*.jsonl or *.jsonl.gz)")


def dev_folder(sets: Path) -> Path | None:
    """The folder `dev` beside or in the training sets, if there is one."""
    for folder in (sets.parent / "dev", sets / "dev"):
        if sets.name != "dev" and folder.is_dir():
            return folder
    return None


def haystacks(sets: Path) -> list[Path]:
    """English texts in `haystack/` in the folder of the sets or up to two above, but not those
    for measuring."""
    for folder in (sets, *list(sets.parents)[:2]):
        found = sorted((folder / "haystack").glob("*_en.txt*"))
        if found:
            return [path for path in found if not path.name.startswith("eval_")]
    return []


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of the training data that is prepared on its own: a set (`path`), made-up lookups or
    logs, or a task."""

    name: str
    kind: Literal["set", "made up", "task"]
    path: Path | None = None


def shards(sets: Path, recipe: Recipe) -> list[Shard]:
    """All sets in the folder, then lookups and logs, then the tasks but those for measuring. Where
    labels alone are learnt, the tasks that name several."""
    if recipe.learn == "labels":
        return [Shard(name, "task") for name in LABELLED]
    found = [Shard(name, "set", path) for name, path in find_sources(sets).items()]
    if recipe.made_up:
        found += [Shard(name, "made up") for name in MADE_UP]
    for name in TASKS:
        wanted = recipe.hard_documents if name in HARD else recipe.task_documents
        if wanted and name not in MEASURING:
            found.append(Shard(name, "task"))
    return found


def caps(recipe: Recipe) -> dict[str, int]:
    """Questions of each task that an epoch asks at most, and of sets where the recipe says so."""
    if recipe.learn == "labels":
        return recipe.most
    usual = {n: recipe.hard_questions if n in HARD else recipe.task_questions for n in TASKS}
    return {**usual, **recipe.most}


def contexts_of(shard: Shard, haystack: Sequence[Path], recipe: Recipe) -> Iterator[Context]:
    """A shard's contexts, one at a time. Everything follows from the files and the recipe.

    Raises `OptionError` where unrelated text is needed and missing.
    """
    if shard.kind == "task":
        return _task_contexts(shard.name, haystack, recipe)
    if shard.path is not None:
        documents = list(read_documents(shard.path))
    else:
        made = make_documents(count=recipe.made_up, seed=recipe.seed)
        documents = [document for document in made if document.source == shard.name]
    hay = "\n\n".join(read_text(path)[_HAY] for path in haystack)
    return _contexts(documents, hay, recipe)


def _task_contexts(name: str, haystack: Sequence[Path], recipe: Recipe) -> Iterator[Context]:
    """Documents of each of `LENGTHS`, each a context of its own; the shortest in generated prose,
    the others in the haystack."""
    hard = name in HARD or recipe.learn == "labels"
    count = recipe.hard_documents if hard else recipe.task_documents
    for number, length in enumerate(LENGTHS[:2] if hard else LENGTHS):
        texts = [read_text(path)[_HAY] for path in haystack] if number else []
        for document in make_tasks(
            [name],
            seed=recipe.seed + TASK_SEED + number,
            count=count,
            length=length,
            haystack=Haystack(texts) if texts else None,
        ):
            asked = document.questions[:PER_TASK]
            yield Context(document.source, document.language, document.text, asked)


def _contexts(documents: Sequence[Document], hay: str, recipe: Recipe) -> Iterator[Context]:
    if not documents:
        return iter(())
    alone = is_alone(documents[0])
    # A vocabulary without a language's words reads it letter by letter: the same in less text.
    # Around a document that stands alone, text has to be read anew for every few questions.
    parts = (2 if alone else 1) * (1 if is_english(documents[0].language) else 4)
    return build_contexts(
        documents,
        haystack=hay if alone else "",
        queries=recipe.queries,
        per_context=PER_CONTEXT,
        per_document=PER_DOCUMENT,
        size=recipe.size // parts,
        seed=recipe.seed,
        negatives=True,
    )
