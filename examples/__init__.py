"""Applications that run on the service; each is a folder to copy."""
