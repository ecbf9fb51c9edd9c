"""Ids of requests and of inline jobs: unique, but not secret; knowing one gives no access."""

from __future__ import annotations

from random import getrandbits


def new_id() -> str:
    """Return 128 random bits in hexadecimal; this takes a tenth of the time of `os.urandom`."""
    return getrandbits(128).to_bytes(16, "big").hex()
