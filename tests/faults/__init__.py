"""Faults on purpose, and a checker that counts what was lost, done twice, made up or changed after its end."""
