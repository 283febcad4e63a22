"""Measures critics on question sets."""
