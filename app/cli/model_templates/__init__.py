"""The files that new-model writes, for a model called example. The modules are checked like all other code."""
