"""GET /openapi.json: the routes of the service as an OpenAPI 3.1 document."""
