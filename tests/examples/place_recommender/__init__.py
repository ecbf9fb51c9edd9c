"""Tests of the place recommender."""
