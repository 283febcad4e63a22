"""The companion: training a long-context reasoner after QwenLong-L1, and what goes with it.

It shares nothing with the compressor but the command line and the errors.
"""
