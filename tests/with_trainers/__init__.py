"""Tests with TRL and verl. A package so that its conftest has a name of its own."""
