"""The store: versions of models, and the data of large jobs, as files."""
