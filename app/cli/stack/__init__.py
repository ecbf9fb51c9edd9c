"""`python -m app stack`: async mode on one machine without containers."""
