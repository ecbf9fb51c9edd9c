"""Connectors: where the numbers come from."""
