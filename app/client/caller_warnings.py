"""Warnings that point to the line of the caller, which is outside the client."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import Any

PACKAGE = "app.client"


def warn_of(result: Mapping[str, Any]) -> None:
    """Pass the service's warnings about a result to the caller."""
    for text in result.get("warnings", []):
        warn_caller(str(text))


def warn_caller(text: str) -> None:
    """Issue a UserWarning at the line that called the client."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level)
