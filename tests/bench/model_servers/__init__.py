"""Other model servers with the pipelines of the benchmark of batching; what they load imports nothing of Trinity."""
