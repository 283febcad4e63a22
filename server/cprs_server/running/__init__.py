"""Compression off the event loop: bounded, fair, with a deadline, and stopped within one batch."""
