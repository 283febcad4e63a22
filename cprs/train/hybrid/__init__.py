"""Trains a hybrid critic: a Qwen2 whose upper layers look both ways."""
