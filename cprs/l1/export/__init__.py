"""Training elsewhere: what other trainers read."""
