"""The advice for types in a file that are not known to be safe: which setting allows them, and who may change it."""

from __future__ import annotations

from collections.abc import Sequence

MAX_CHARACTERS = 1000


def approval(names: Sequence[str]) -> str:
    """Say how these types or domains can be approved."""
    setting = f"TRINITY_TRUSTED_TYPES={','.join(names)}"[:MAX_CHARACTERS]
    return (
        f"who runs this server, and trusts the file, can approve them: {setting} for web processes and workers, "
        "beside what it names already; a request cannot"
    )
