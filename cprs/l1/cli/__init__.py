"""`cprs l1`: commands of the companion."""
