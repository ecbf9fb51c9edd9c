"""The choice between the local store and a server."""

from __future__ import annotations

from app.cli.where import Where, client

LONGEST_S = 3600.0
"""How long a verb on a server may take; a job goes on after it."""


def where(server: str | None, key_file: str | None) -> Where:
    """Return the server, or the local store; nothing is asked yet."""
    if server is None:
        from app.cli.local import Local

        return Local()
    from app.cli.remote import Remote

    return Remote(client(server, key_file, LONGEST_S))
