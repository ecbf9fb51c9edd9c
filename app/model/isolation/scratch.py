"""Folders through which files pass to a child and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

Scratch: TypeAlias = Callable[[str], AbstractContextManager[Path]]
"""Gives a folder, with the given name as a part of its own, that is removed afterwards."""

SCRATCH = "isolated"
"""The name of those of isolated calls."""


@contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """Give a folder in the system's folder for temporary files: for processes without a store."""
    with TemporaryDirectory(prefix=f"{name}-") as folder:
        yield Path(folder)
