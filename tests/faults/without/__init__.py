"""Modules that take a safeguard out of the stack, to see that the checker notices. Each is named in TRINITY_MODELS by
the harness alone and alters a script of the ledger on its way to Redis: there is no setting that could do so."""
