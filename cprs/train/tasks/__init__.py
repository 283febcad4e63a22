"""Question sets made in code, for training critics and for measuring them.

>>> from cprs.train.tasks import TASKS
>>> document = next(TASKS["needle"](seed=0, count=1, length=2_000))
>>> start, end = document.questions[0].evidence[0]
>>> document.questions[0].answers[0] in document.text[start:end]
True
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cprs.errors import unknown
from cprs.train.sets.data import Document
from cprs.train.tasks.absent import absent
from cprs.train.tasks.attributes import attributes
from cprs.train.tasks.base import MIN_LENGTH, Task
from cprs.train.tasks.extraction import extract_format, extract_labels, extract_labels_unseen
from cprs.train.tasks.granularity import granularity
from cprs.train.tasks.haystack import Haystack
from cprs.train.tasks.instructed import (
    instructed_kinds,
    instructed_labels,
    page_kinds,
    page_labels,
)
from cprs.train.tasks.instructed_code import instructed_functions
from cprs.train.tasks.instructed_terms import instructed_terms
from cprs.train.tasks.key_values import json_key_value
from cprs.train.tasks.lines import line_mentions, line_records
from cprs.train.tasks.movers import moved_objects
from cprs.train.tasks.needles import (
    needle,
    needle_multikey,
    needle_multiquery,
    needle_multivalue,
)
from cprs.train.tasks.notices import notices
from cprs.train.tasks.passkey import number_string, passkey
from cprs.train.tasks.self_supervised import cloze, keywords
from cprs.train.tasks.stitch import stitch
from cprs.train.tasks.topics import topic_lines
from cprs.train.tasks.variables import variable_chain

__all__ = ["MIN_LENGTH", "TASKS", "Haystack", "Task", "make_documents", "stitch"]

TASKS: dict[str, Task] = {
    "needle": needle,
    "needle_multikey": needle_multikey,
    "needle_multivalue": needle_multivalue,
    "needle_multiquery": needle_multiquery,
    "attributes": attributes,
    "passkey": passkey,
    "number_string": number_string,
    "json_key_value": json_key_value,
    "variable_chain": variable_chain,
    "line_mentions": line_mentions,
    "line_records": line_records,
    "topic_lines": topic_lines,
    "moved_objects": moved_objects,
    "extract_format": extract_format,
    "extract_labels": extract_labels,
    "extract_labels_unseen": extract_labels_unseen,
    "instructed_kinds": instructed_kinds,
    "instructed_labels": instructed_labels,
    "instructed_functions": instructed_functions,
    "instructed_terms": instructed_terms,
    "page_kinds": page_kinds,
    "page_labels": page_labels,
    "granularity": granularity,
    "keywords": keywords,
    "cloze": cloze,
    "notices": notices,
    "absent": absent,
}
"""The tasks by name. `extract_labels_unseen` is for measuring: its labels are in no other task."""


def make_documents(
    names: Sequence[str],
    *,
    seed: int,
    count: int,
    length: int,
    haystack: Haystack | None = None,
    depth: float | None = None,
) -> Iterator[Document]:
    """`count` documents of each task, one task after the other; options as in `Task`.

    Raises `OptionError` for an unknown task before anything is made.
    """
    for name in names:
        if name not in TASKS:
            raise unknown("task", name, list(TASKS))
    hay = haystack or Haystack()
    streams = [
        TASKS[name](seed=seed, count=count, length=length, haystack=hay, depth=depth)
        for name in names
    ]
    return (document for stream in streams for document in stream)
