"""What clients say and hear: one module for each API form."""
