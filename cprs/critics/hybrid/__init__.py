"""The hybrid critic: a Qwen whose upper layers look both ways, with a tag head."""
