"""`cprs l1 demo`: the whole of it on a toy, in minutes, on a CPU."""
