"""A hybrid critic that vLLM runs: in this process, or on a server."""
