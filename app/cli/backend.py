"""What every backend of a command returns: the local store and a server have the same methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class VerbResult(NamedTuple):
    """The result of a verb, and the version that was used or made."""

    model: str
    version: int
    result: Mapping[str, Any]
