"""Calls to the models behind the proxy: sent as they came, relayed as they come."""
