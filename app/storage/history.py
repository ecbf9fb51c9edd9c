"""The history of a model: every move of its aliases, as lines of JSON that are only appended.

A line is written before its alias moves. So if the alias of the last line still has its old version, the move was
never made: readers skip that line, and the next writer removes it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from app.schemas.decoding import decode_json
from app.schemas.registry import Move
from app.storage.durable_files import DurableFiles

HISTORY = "history.jsonl"
NO_HISTORY = 0, 0
BLOCK_BYTES = 65_536
Numbers = Callable[[str], int | None]
"""Returns the version of an alias, None if the alias does not exist."""


class AliasHistory:
    """The history file in a model's folder. Writers hold the model's lock."""

    def __init__(self, model: Path, files: DurableFiles, numbers: Numbers) -> None:
        self._path = model / HISTORY
        self._files = files
        self._numbers = numbers

    def add(self, move: Move) -> None:
        """Write a move before it is made."""
        self._files.append(self._path, msgspec.json.encode(move) + b"\n")

    def settle(self) -> None:
        """Remove the remains of a killed process from the end: an incomplete line, or a move that was never made."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return
        kept = size
        for end, line in _lines_backwards(self._path):
            move = _parsed(line)
            if line.endswith(b"\n") and (move is None or not self._undone(move)):
                break
            kept = end - len(line)
            if move is not None:
                break
        if kept < size:
            self._files.truncate(self._path, kept)

    def newest_first(self) -> Iterator[Move]:
        """Yield the moves that were made; damaged lines are skipped."""
        newest = True
        with suppress(FileNotFoundError):
            for _, line in _lines_backwards(self._path):
                move = _parsed(line) if line.endswith(b"\n") else None
                if move is None:
                    continue
                if not newest or not self._undone(move):
                    yield move
                newest = False

    def end(self) -> tuple[int, int]:
        """Return the file's inode and size; zeros if it does not exist."""
        return history_end(str(self._path))

    def after(self, position: int) -> list[tuple[int, Move]]:
        """Return the moves that were made after a position, the oldest first, each with the position of its end."""
        found: list[tuple[int, Move]] = []
        with suppress(FileNotFoundError):
            for end, line in _lines_backwards(self._path, position):
                move = _parsed(line) if line.endswith(b"\n") else None
                if move is not None and (found or not self._undone(move)):
                    found.append((end, move))
        return found[::-1]

    def _undone(self, move: Move) -> bool:
        return move.from_ != move.to and self._numbers(move.alias) == move.from_


def history_end(path: str) -> tuple[int, int]:
    """Return the inode and the size of a history file; zeros if it does not exist."""
    try:
        stat = os.stat(path)  # noqa: PTH116  for each model each second: a Path costs more than the call
    except (FileNotFoundError, NotADirectoryError):
        return NO_HISTORY
    return stat.st_ino, stat.st_size


def _parsed(line: bytes) -> Move | None:
    try:
        return decode_json(line, Move)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _lines_backwards(path: Path, begin: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the lines after a position with the positions of their ends, last line first; it may lack its line end."""
    with path.open("rb") as file:
        end = start = file.seek(0, 2)
        rest = b""
        while start > begin:
            size = min(BLOCK_BYTES, start - begin)
            start -= size
            file.seek(start)
            rest = file.read(size) + rest
            first, *lines = rest.splitlines(keepends=True)
            for line in reversed(lines):
                yield end, line
                end -= len(line)
            rest = first
        if rest:
            yield end, rest
