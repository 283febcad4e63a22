"""Where training data lie, and the contexts made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

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

PER_CONTEXT = 32
"""Questions asked of one joined context: reading it costs most."""
LENGTHS = (3_000, 8_000, 24_000)
"""Code points of a task's documents."""
PER_TASK = 6
"""Questions asked of one of them at most."""
TASK_SEED = 10_000
"""Added to a recipe's seed: tasks made for measuring use small ones."""
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


def corpus(sets: Path, haystack: Sequence[Path], recipe: Recipe) -> Iterator[Context]:
    """Contexts of all sets in the folder, then of made-up lookups and logs, then of the tasks, one
    at a time.

    Raises `OptionError` where unrelated text is needed and missing.
    """
    hay = "\n\n".join(read_text(path)[_HAY] for path in haystack)
    for path in find_sources(sets).values():
        yield from _contexts(list(read_documents(path)), hay, recipe)
    made: dict[str, list[Document]] = {}
    for document in make_documents(count=recipe.made_up, seed=recipe.seed):
        made.setdefault(document.source, []).append(document)
    for documents in made.values():
        yield from _contexts(documents, hay, recipe)
    yield from task_contexts(recipe, haystack)


def task_contexts(recipe: Recipe, haystack: Sequence[Path]) -> Iterator[Context]:
    """Documents of every task but those for measuring, each a context of its own: `task_documents`
    of each of `LENGTHS`; of the first length in generated prose, of the others in the haystack."""
    texts = [read_text(path)[_HAY] for path in haystack]
    names = [name for name in TASKS if name not in MEASURING]
    for number, length in enumerate(LENGTHS if recipe.task_documents else ()):
        for document in make_tasks(
            names,
            seed=recipe.seed + TASK_SEED + number,
            count=recipe.task_documents,
            length=length,
            haystack=Haystack(texts) if texts and number else None,
        ):
            asked = document.questions[:PER_TASK]
            yield Context(document.source, document.language, document.text, asked)


def _contexts(documents: Sequence[Document], hay: str, recipe: Recipe) -> Iterator[Context]:
    if not documents:
        return iter(())
    # A vocabulary without a language's words reads it letter by letter: the same in less text.
    size = recipe.size if is_english(documents[0].language) else recipe.size // 4
    return build_contexts(
        documents,
        haystack=hay if is_alone(documents[0]) else "",
        queries=recipe.queries,
        per_context=PER_CONTEXT,
        size=size,
        seed=recipe.seed,
        negatives=True,
    )
