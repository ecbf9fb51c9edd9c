"""A small application: a model that says how far it is, routes of its own, and a page."""
