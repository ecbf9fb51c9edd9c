"""Fit, predict and score of a file model in a separate process, under the limits that its class declares.

Learned state and files of results pass through a folder, as JSON, arrays and bytes; all else is JSON.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from logging import getLogger
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from app.errors import Invalid, ModelFailed
from app.model.estimator import Stored
from app.model.files import FileModel, InputFile, OutputFile
from app.model.isolation.isolated_calls import CallFailed, CallLimits, IsolatedCalls
from app.model.isolation.scratch import SCRATCH, Scratch

logger = getLogger(__name__)

CHILD = "app.model.isolated_file_call"
STORED = "stored.json"


class IsolatedFiles:
    """Calls a class of file models in children of a process that has loaded its module and its `preload`."""

    def __init__(self, kind: type[FileModel], limits: CallLimits, scratch: Scratch) -> None:
        """`scratch` gives the folders through which files pass; the processes may be killed at any time."""
        self._kind = kind
        self._scratch = scratch
        limits = limits._replace(file_bytes=limits.file_bytes or limits.memory_bytes)  # the learned state is written
        self._calls = IsolatedCalls(limits, needed=[CHILD, kind.__module__, *kind.preload])

    def fit(self, params: Mapping[str, Any], files: Path | None) -> Stored:
        """Return the stored state of a new instance that was fitted to the files of a folder."""
        with self._scratch(SCRATCH) as folder:
            given = None if files is None else str(files.resolve())
            for warning in self._call("fit", "files", folder, params=dict(params), files=given):
                warnings.warn(warning, stacklevel=2)
            return read_stored(folder)

    def predict(self, stored: Stored, files: Sequence[InputFile], options: Mapping[str, Any]) -> Any:
        """Return the result of an instance's `predict`; the content of its files is read here."""
        with self._scratch(SCRATCH) as folder:
            write_stored(folder, stored)
            given = [(str(file.path.resolve()), file.name, file.media_type) for file in files]
            found = self._call("predict", self._kind.takes, folder, files=given, options=dict(options))
            results = found["results"]
            for number, (index, member, name, media_type) in enumerate(found["outputs"]):
                results[index][member] = OutputFile(name, media_type, (folder / str(number)).read_bytes())
            return results

    def score(self, stored: Stored, files: Path) -> dict[str, float | None]:
        """Return the result of an instance's `score`."""
        with self._scratch(SCRATCH) as folder:
            write_stored(folder, stored)
            found: dict[str, float | None] = self._call("score", "files", folder, files=str(files.resolve()))
            return found

    def _call(self, verb: str, what: str, folder: Path, **arguments: Any) -> Any:
        """Call a function of the child's module; raise ValueError if the files are at fault, else ModelFailed."""
        kind = self._kind
        try:
            return self._calls.call(
                f"{CHILD}:{verb}", module=kind.__module__, kind=kind.__qualname__, folder=str(folder), **arguments
            )
        except CallFailed as error:
            self._raise(error, verb, what)

    def _raise(self, error: CallFailed, verb: str, what: str) -> NoReturn:
        if error.failure is not None:
            if error.failure.kind != Invalid.kind:
                raise ModelFailed(error.failure.detail) from error
            raise ValueError("; ".join(each.detail for each in error.failure.errors)) from error
        if error.raised:
            logger.error("%s of %s raised %s at %s", verb, self._kind.name, error.raised, error.place)
            raise ModelFailed(f"the model {self._kind.name!r} raised {error.raised}") from error
        raise ValueError(f"the {what} cannot be processed: {verb} {error}") from error


def write_stored(folder: Path, stored: Stored) -> None:
    """Write the stored state of an instance."""
    for name, content in stored.files.items():
        (folder / name).write_bytes(content)
    (folder / STORED).write_bytes(msgspec.json.encode((stored.params, stored.learned, list(stored.files))))


def read_stored(folder: Path) -> Stored:
    """Return the state that `write_stored` wrote."""
    params, learned, names = msgspec.json.decode((folder / STORED).read_bytes())
    return Stored(params, learned, {name: (folder / name).read_bytes() for name in names}, [])
