"""Checkpoints into the files that cprs runs."""
