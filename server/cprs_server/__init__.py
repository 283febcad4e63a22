"""The proxy: between an application and any model, long inputs become short ones."""
