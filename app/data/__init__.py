"""Sources of data, and the reading of tables."""
