"""Question sets with gold evidence: read, written, made up, and laid out as long contexts."""
