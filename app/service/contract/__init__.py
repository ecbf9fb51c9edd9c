"""The contract of models as checks of one model: each runs in a process of its own, under limits."""
