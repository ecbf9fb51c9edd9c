"""Aliases of a model's versions, such as `latest`: files that hold a number and a checksum."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from app.errors import Damaged
from app.storage.durable_files import DurableFiles
from app.storage.file_states import FileState, FileStates

LATEST = "latest"
CHAMPION = "champion"
"""The alias that requests without a version use, if it exists."""
USUAL = frozenset({LATEST, CHAMPION})
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_MENDED = "set it again", "fit it again"
_CONTENT = re.compile(r"([1-9][0-9]{0,9})( sha256:[0-9a-f]{16})?\s*", re.ASCII)


class Aliases:
    """Alias files in `models`/<name>/aliases. A file that has not changed is not read again."""

    def __init__(self, models: Path, files: DurableFiles, states: FileStates) -> None:
        self._root = str(models)
        self._files = files
        self._states = states
        self._numbers: dict[str, tuple[FileState, int]] = {}
        self._served: dict[str, tuple[float, int]] = {}

    def served(self, name: str) -> int | None:
        """Return the version for requests that do not name one: the champion, or else the latest; raise Damaged."""
        number = self.seen(name)
        if number is None:
            number = self.number(name, CHAMPION)
        return self.number(name, LATEST) if number is None else number

    def seen(self, name: str, alias: str | None = None) -> int | None:
        """Return the result of `number`, or of `served` for None, if the states of the files are enough to find it."""
        if alias is not None:
            return self._seen_number(f"{self._root}/{name}/aliases/{alias}")
        kept = self._served.get(name)
        if kept is not None and self._states.clock() < kept[0]:
            return kept[1]
        path = f"{self._root}/{name}/aliases/{CHAMPION}"
        is_there = self._states.find(path) is not None
        until_s = self._states.fresh_until_s(path)
        if not is_there:
            path = f"{self._root}/{name}/aliases/{LATEST}"
        number = self._seen_number(path)
        if number is not None:
            self._served[name] = min(until_s, self._states.fresh_until_s(path)), number
        return number

    def _seen_number(self, path: str) -> int | None:
        seen = self._numbers.get(path)
        if seen is None:
            return None
        try:
            return seen[1] if self._states.state(path) == seen[0] else None
        except FileNotFoundError:
            return None

    def number(self, name: str, alias: str) -> int | None:
        """Return the version number of an alias, None if it does not exist; raise Damaged."""
        if alias not in USUAL and not _NAME.fullmatch(alias):
            return None
        path = f"{self._root}/{name}/aliases/{alias}"
        try:
            state, seen = self._states.state(path), self._numbers.get(path)
            if seen is not None and seen[0] == state:
                return seen[1]
            number = parse_number(Path(path).read_text())
        except FileNotFoundError:
            return None
        except ValueError:
            raise Damaged(f"alias {alias!r} of model {name!r} is damaged on disk; {_MENDED[alias == LATEST]}") from None
        self._numbers[path] = state, number
        return number

    def names(self, name: str) -> list[str]:
        """Return the names of a model's aliases, including damaged ones."""
        folder = Path(self._root) / name / "aliases"
        entries = folder.iterdir() if folder.is_dir() else ()
        return sorted(entry.name for entry in entries if _NAME.fullmatch(entry.name))

    def set(self, name: str, alias: str, version: int | None) -> None:
        """Set an alias, or remove it for None."""
        path = Path(self._root) / name / "aliases" / alias
        if version is None:
            self._files.remove(path)
        else:
            self._files.replace(path, number_content(version))


def is_alias_name(text: str) -> bool:
    """Return whether this is a valid name for an alias."""
    return _NAME.fullmatch(text) is not None


def number_content(version: int) -> str:
    """Return the content of a file with a version's number and a checksum."""
    return f"{version} sha256:{hashlib.sha256(b'%d' % version).hexdigest()[:16]}"


def parse_number(text: str) -> int:
    """Return the number in such a file; raise ValueError if it is damaged. Operators may leave out the checksum."""
    found = _CONTENT.fullmatch(text)
    if found is None or (found[2] and number_content(int(found[1])) != found[1] + found[2]):
        raise ValueError(text[:64])
    return int(found[1])
