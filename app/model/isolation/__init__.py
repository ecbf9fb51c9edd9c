"""Calls in a process of their own, under limits of memory and time: for code that may crash, hang or leak memory."""
