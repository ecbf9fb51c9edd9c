"""Tests of what the service says of itself: the document, the page, and clients made of it."""
