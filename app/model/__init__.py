"""Models: the contract (`base`), the shipped models (`models`) and their parts. Independent of HTTP."""
