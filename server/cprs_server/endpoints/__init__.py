"""The endpoints that are the proxy's own."""
