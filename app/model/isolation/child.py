"""Whether this process is the child of a call: what runs in one is isolated already."""

from __future__ import annotations


class _Process:
    is_child = False


def enter_child() -> None:
    """Say that this process is a child, as it is from its fork on."""
    _Process.is_child = True


def in_child() -> bool:
    """Return whether this process is a child."""
    return _Process.is_child
