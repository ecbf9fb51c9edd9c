"""The contract of models as checks of one model: each runs in a separate process, under limits."""
