"""Where outputs are sampled: in this process, or on a vLLM server."""
