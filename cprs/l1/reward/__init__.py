"""What an answer is worth: rules, a judge, and both (eq. 12 to 14), shaped by length (eq. 7)."""
