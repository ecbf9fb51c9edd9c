"""Request bodies: read within limits, and turned into requests by media type."""
