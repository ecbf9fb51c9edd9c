"""The tests of Trinity."""
