"""Tests of the models: accuracy, the contract, terms, fits and evaluation."""
