"""The HTTP server beneath the application: uvicorn's protocol, bounded, and leaving so that no client notices."""
