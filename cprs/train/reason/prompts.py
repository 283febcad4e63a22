"""Questions asked as CPRS control prompts: an instruction that names a label for what it wants."""

from __future__ import annotations

import random

from cprs.guidance import Guidance
from cprs.train.sets.data import Question

_WISHES = (
    "Extract the sentences that answer the question.",
    "Find everything in the text that helps to answer the query.",
    "You are an expert reader. Select the supporting facts for the question.",
    "Keep only what is needed to answer.",
    "Mark the evidence.",
    "From the documents, extract all passages that are relevant to the user's question.",
)
_TAGGED = (
    "Tag them with '{label}'.",
    'Label it as "{label}".',
    "Mark each of them with the label '{label}'.",
    "Tag the parts you select as '{label}'.",
)
_LABELS = (
    "fact",
    "evidence",
    "answer",
    "support",
    "key information",
    "relevant",
    "clue",
    "source",
    "proof",
    "detail",
    "quote",
    "passage",
    "reason",
    "finding",
)


def guidance_of(question: Question, rng: random.Random, *, instructed: float) -> Guidance:
    """How a question is asked: by its own instruction, if it has one; else by its query alone, or,
    in a share of `instructed`, with an instruction and a label."""
    if question.instruction:
        return question.guidance()
    query = question.text
    if rng.random() >= instructed:
        return Guidance.parse(query=query)
    label = rng.choice(_LABELS)
    instruction = f"{rng.choice(_WISHES)} {rng.choice(_TAGGED).format(label=label)}"
    return Guidance.parse(instruction=instruction, query=query, labels=[label])
