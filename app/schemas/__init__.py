"""Requests, jobs and problems as msgspec Structs, with what names and points to them."""
