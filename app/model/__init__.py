"""Models: the contract (`base`), the shipped regressors (`models`) and what they are made of. Knows no HTTP."""
