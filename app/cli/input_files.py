"""Files that commands read: by their path, or - for standard input."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import click

STDIN = Path("-")
FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


@contextmanager
def on_disk(path: Path) -> Iterator[Path]:
    """Give the path of a file: that of a copy for standard input, since a file is sent once more for each try."""
    if path != STDIN:
        yield path
        return
    with NamedTemporaryFile() as copy, click.open_file("-", "rb") as stdin:
        shutil.copyfileobj(stdin, copy)
        copy.flush()
        yield Path(copy.name)


def read(path: Path) -> bytes:
    """Return what a file holds."""
    with click.open_file(str(path), "rb") as file:
        content: bytes = file.read()
        return content
