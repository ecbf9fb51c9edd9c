"""The HTTP server of the application: uvicorn's protocol with limits, and a stop that no client notices."""
