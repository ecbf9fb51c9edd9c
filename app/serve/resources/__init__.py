"""Every route: method, path, resource, what it does, what it takes and may answer; a file for each family."""
