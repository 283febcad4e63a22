"""Examples: from public sets, by length, and made up."""
