"""Names that both a recipe, which is read without torch, and the parts that need torch know."""

from __future__ import annotations

AGGREGATIONS = ("token", "sequence")
METHODS = ("dpo", "simpo", "orpo")
