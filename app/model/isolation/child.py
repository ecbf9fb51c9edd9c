"""Whether this process is the child of a call: its code is isolated already."""

from __future__ import annotations


class _Process:
    is_child = False


def enter_child() -> None:
    """Mark this process as a child; called after its fork."""
    _Process.is_child = True


def in_child() -> bool:
    """Return whether this process is a child."""
    return _Process.is_child
