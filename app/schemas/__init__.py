"""Requests, jobs and problems as msgspec Structs, with their ids, names and pointers."""
