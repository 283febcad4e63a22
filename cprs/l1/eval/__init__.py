"""Measuring a reasoner behind any OpenAI-compatible endpoint on sets of questions."""
