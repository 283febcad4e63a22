"""Fits the prior: features of passages into the probability of being evidence."""
