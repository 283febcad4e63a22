"""Trains reasoning layers above a base and its prior."""
