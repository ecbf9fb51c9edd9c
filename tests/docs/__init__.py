"""The documents, run: every command block is executed, every table is compared with the code."""
