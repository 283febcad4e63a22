"""Benchmarks of cprs. They use its public names only."""
