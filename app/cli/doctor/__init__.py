"""The command doctor and its checks: one function for each part, each in its own thread with a time limit."""
