"""Tests with vLLM. A package so that its conftest has a name of its own."""
