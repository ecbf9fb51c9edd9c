"""Reads CSV of any program: the encoding, the dialect, the kinds of columns, and the location of faults."""
