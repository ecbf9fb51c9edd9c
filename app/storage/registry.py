"""Changes of a model after its fits: moves of aliases, and removals of versions and whole models.

Every change is made under the lock of its model, which a fit also holds while it publishes. A process that is killed
leaves the state before the change or after it; the next change removes any other remains.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from app.errors import Conflict, Damaged, Invalid, NotFound
from app.schemas.registry import MODEL_NAME, Move, Reason
from app.storage.aliases import CHAMPION, LATEST, Aliases, is_alias_name
from app.storage.durable_files import DurableFiles
from app.storage.file_locks import LOCK_WAIT_S, locked
from app.storage.file_states import ABSENT_S, FRESH_S
from app.storage.history import HISTORY, NO_HISTORY, AliasHistory, history_end
from app.storage.version_numbers import present

LOCK = "publish.lock"
Expected = int | None | UnsetType
"""The version that an alias must have before it moves; None: it must not exist; UNSET: any."""


class Author(NamedTuple):
    """Why an alias moves, and the name of the API key of the request."""

    why: Reason
    by: str = ""


class Registry:
    """The models below a folder. Names of models are checked by the caller, as `MODEL_NAME`."""

    def __init__(
        self,
        models: Path,
        files: DurableFiles,
        aliases: Aliases,
        pause: Callable[[float], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._models = models
        self._files = files
        self._aliases = aliases
        self._pause = pause
        self._now = now

    @contextmanager
    def lock(self, name: str, wait_s: float = LOCK_WAIT_S, *, make: bool = False) -> Iterator[None]:
        """Hold the lock of a model, and first remove the remains of killed processes; raise Locked after `wait_s`.

        With `make` its folder is created if it does not exist; otherwise NotFound is raised.
        """
        root = self._models / name
        with ExitStack() as stack:
            while True:
                if make:
                    self._files.make_folder(root)
                try:
                    stack.enter_context(locked(root / LOCK, wait_s))
                    break
                except FileNotFoundError:  # with `make`: the folder was removed during the wait
                    if not make:
                        raise NotFound.at("/model", f"model {name!r} has no version") from None
            self._files.sweep(root)
            self._history(name).settle()
            yield

    def move(
        self,
        name: str,
        alias: str,
        to: int | None,
        author: Author,
        expected: Expected = UNSET,
        wait_s: float = LOCK_WAIT_S,
    ) -> Move | None:
        """Move an alias, or remove it for None; return the move, None if there was nothing to do.

        Raise Invalid for an alias that may not be moved, NotFound for a missing version, Conflict unless the alias has
        the expected version, Locked if others hold the model's lock for `wait_s`. So do the other changes.
        """
        check_alias_name(alias)
        with self.lock(name, wait_s):
            if to is not None and to not in present(self._models / name):
                raise NotFound.at("/version", f"model {name!r} has no version {to}")
            current = self._number(name, alias)
            if expected is not UNSET and current != expected:
                raise Conflict.at("/if_version", f"alias {alias!r} {_stands(current)}, {_expected(expected)}")
            return self.set(name, alias, to, author)

    def set(self, name: str, alias: str, to: int | None, author: Author) -> Move | None:
        """Move any alias, under the lock that the caller holds; return the move, None if there was nothing to do."""
        current = self._number(name, alias)
        if current == to:
            return None
        move = Move(alias, current or None, to, self._now(), *author)
        history = self._history(name)
        history.add(move)
        try:
            self._aliases.set(name, alias, to)
        except BaseException:
            self._pause(FRESH_S)  # the alias may have moved anyway: earlier states must not be trusted
            with suppress(OSError):  # the next change does it
                history.settle()
            raise
        # from now on no process trusts an earlier state: its next request reads the new alias
        self._pause(ABSENT_S if current is None and alias == CHAMPION else FRESH_S)
        return move

    def history(self, name: str) -> Iterator[Move]:
        """Yield the moves of a model's aliases, the newest first."""
        return self._history(name).newest_first()

    def history_ends(self) -> dict[str, tuple[int, int]]:
        """Return the inode and the size of each model's history, from the state of one file each."""
        entries = os.scandir(self._models) if self._models.is_dir() else ()
        names = sorted(entry.name for entry in entries if MODEL_NAME.fullmatch(entry.name))
        ends = {name: history_end(f"{self._models}/{name}/{HISTORY}") for name in names}
        return {name: end for name, end in ends.items() if end != NO_HISTORY}

    def history_from(self, name: str, position: Callable[[int], int]) -> tuple[int, list[tuple[int, Move]]]:
        """Return the inode of a model's history, and its moves after the position that is returned for that inode.

        Each move is returned with the position of its end, the oldest first.
        """
        history = self._history(name)
        inode, size = history.end()
        begin = position(inode)
        return inode, history.after(begin) if size > begin else []

    def remove_version(self, name: str, version: int, wait_s: float = LOCK_WAIT_S) -> None:
        """Remove a version; raise NotFound, Conflict if an alias names it, or Damaged for a damaged alias."""
        with self.lock(name, wait_s):
            if version not in present(self._models / name):
                raise NotFound.at("/version", f"model {name!r} has no version {version}")
            aliases = [alias for alias in self._aliases.names(name) if self._aliases.number(name, alias) == version]
            if aliases:
                todo = "fit another first" if LATEST in aliases else "move the alias first"
                raise Conflict(f"version {version} is what {' and '.join(map(repr, aliases))} names; {todo}")
            self._remove_version(name, version)
            self._pause(2 * FRESH_S)  # of the state, and of what is loaded

    def prune(self, name: str, keep: int) -> list[int]:
        """Remove all versions except the `keep` newest and those with an alias, under the lock; return their numbers.

        Raise Damaged, and remove nothing, if an alias is damaged.
        """
        versions = present(self._models / name)
        aliased = {self._aliases.number(name, alias) for alias in self._aliases.names(name)}
        removed = [version for version in versions[: max(0, len(versions) - keep)] if version not in aliased]
        for version in removed:
            self._remove_version(name, version)
        return removed

    def remove_model(self, name: str, wait_s: float = LOCK_WAIT_S) -> None:
        """Remove a model with all its versions, aliases and its history; raise NotFound."""
        with self.lock(name, wait_s):
            if not present(self._models / name):
                raise NotFound.at("/model", f"model {name!r} has no version")
            self._files.remove_folder(self._models / name, self._models)
            self._pause(2 * FRESH_S)  # of the state, and of what is loaded

    def names(self) -> list[str]:
        """Return the names of all models that have versions."""
        entries = self._models.iterdir() if self._models.is_dir() else ()
        return sorted(entry.name for entry in entries if MODEL_NAME.fullmatch(entry.name) and present(entry))

    def _remove_version(self, name: str, version: int) -> None:
        root = self._models / name
        self._files.remove_folder(root / "versions" / str(version), root)

    def _history(self, name: str) -> AliasHistory:
        return AliasHistory(self._models / name, self._files, partial(self._number, name))

    def _number(self, name: str, alias: str) -> int | None:
        """Return the version of an alias: None if it does not exist, 0 if it is damaged."""
        try:
            return self._aliases.number(name, alias)
        except Damaged:
            return 0


def check_alias_name(alias: str) -> None:
    """Raise Invalid for an alias that may not be set."""
    if alias == LATEST:
        raise Invalid.at("/alias", f"{LATEST!r} is always the newest version; set another alias, such as {CHAMPION!r}")
    if not is_alias_name(alias):
        raise Invalid.at("/alias", "an alias has 1 to 64 of a-z, 0-9, - and _, and begins with a letter")


def _stands(version: int | None) -> str:
    if version == 0:
        return "is damaged on disk"
    return "is not there" if version is None else f"stands at version {version}"


def _expected(version: Expected) -> str:
    return "expected none" if version is None else f"not at {version}"
