"""GET /openapi.json: what the routes say of themselves, as an OpenAPI 3.1 document."""
