"""What `doctor` checks: a function for each part, each in a thread of its own, so that one that hangs holds up none."""
