"""What sees a request before its resource does, and its answer after it."""
