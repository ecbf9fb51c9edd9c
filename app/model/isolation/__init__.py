"""Calls in a separate process, under limits of memory and time: for code that may crash, hang or leak memory."""
