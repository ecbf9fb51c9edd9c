"""Calls in a process of their own, under limits of memory and time: for what may crash, hang or take all memory."""
