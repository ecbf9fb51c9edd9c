"""CSV as people's programs write it: the encoding, the dialect, the kinds of columns, and where a fault stands."""
