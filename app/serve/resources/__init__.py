"""The routes of the service, a file for each family: method, path, resource, description, request and responses."""
