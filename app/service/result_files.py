"""Files that models return: kept in the store as long as their job, and named in its result."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from app.errors import ModelFailed, NotFound
from app.model.files import OutputFile
from app.schemas.decoding import decode_json
from app.schemas.file_names import file_name
from app.settings import Mode, Settings
from app.storage.payload_store import KEPT, Payloads

ROUTE = "/jobs/{job}/result/file"
MAX_FILES = 100
_WORD = "[a-z0-9][a-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(rf"{_WORD}/{_WORD}(; ?charset=[a-zA-Z0-9-]{{1,40}})?")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]")


class ResultFile(msgspec.Struct, frozen=True):
    """A file in a result; its content is at `href`."""

    name: str
    media_type: str
    bytes: int
    sha256: str
    href: str


class Found(NamedTuple):
    """A file of a job, and its reference in the store."""

    file: ResultFile
    reference: str


class ResultFiles:
    """Stores files of results. A file is named after its job and its content, so another attempt changes no file."""

    def __init__(self, payloads: Payloads, suffix: str, max_bytes: int) -> None:
        """`suffix` ends the names of files in the store; it marks files that belong to no queue."""
        self._payloads = payloads
        self._suffix = suffix
        self._max_bytes = max_bytes

    def kept(self, result: Mapping[str, Any], job: str) -> dict[str, Any]:
        """Store the files of a result, and replace them by their descriptions; raise ModelFailed or Unavailable."""
        found = {key: value for key, value in result.items() if isinstance(value, OutputFile)}
        files = {key: file._replace(name=_checked(file.name)) for key, file in found.items()}
        if len(files) > MAX_FILES or len({file.name for file in files.values()}) < len(files):
            raise ModelFailed(f"the model gave back two files of one name, or more than {MAX_FILES}")
        return {**result, **{key: msgspec.to_builtins(self._keep(file, job)) for key, file in files.items()}}

    def find(self, result: bytes, job: str, name: str | None) -> Found:
        """Return a file of a job's result, the first one without a name; raise NotFound."""
        for found in self.found(result, job):
            if name in {None, found.file.name}:
                return found
        raise NotFound("the result has no file" + ("" if name is None else f" {name[:64]!r}"))

    def found(self, result: bytes, job: str) -> list[Found]:
        """Return the files of a job's result."""
        files = []
        for value in decode_json(result, dict[str, msgspec.Raw]).values():
            with suppress(msgspec.MsgspecError):
                file = decode_json(value, ResultFile)
                files.append(Found(file, f"{self._stored_name(job, file.sha256)}:{file.bytes}:{file.sha256}"))
        return files

    def _keep(self, file: OutputFile, job: str) -> ResultFile:
        content = bytes(file.content)
        if not _MEDIA_TYPE.fullmatch(file.media_type):
            raise ModelFailed("the model gave back a file whose media type is not valid")
        if len(content) > self._max_bytes:
            raise ModelFailed(f"the model gave back a file of {len(content)} bytes, the limit is {self._max_bytes}")
        sha256 = hashlib.sha256(content).hexdigest()
        self._payloads.put(self._stored_name(job, sha256), content)
        href = f"{ROUTE.format(job=job)}?name={quote(file.name, safe='', errors='replace')}"
        return ResultFile(file.name, file.media_type, len(content), sha256, href)

    def _stored_name(self, job: str, sha256: str) -> str:
        return f"{job}.{sha256[:32]}.{self._suffix}"


def _checked(name: str) -> str:
    """Return the name of a file for callers; raise ModelFailed if it is not valid."""
    checked = "" if _UNSAFE.search(name) else file_name(name)
    if not checked:
        raise ModelFailed("the model gave back a file whose name is empty or leads elsewhere")
    return checked


def result_files(settings: Settings, payloads: Payloads) -> ResultFiles:
    """Return the store for files of results; without a queue their names have the suffix KEPT."""
    suffix = KEPT if settings.mode is Mode.SYNC else "out"
    return ResultFiles(payloads, suffix, settings.max_file)
