"""The files that new-model writes, for a model called example. Those that are modules are checked as all code is."""
