"""Middleware: processes requests before their resources, and responses after them."""
