"""The model store: immutable versions as files, published atomically and found through alias files."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from logging import getLogger
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import numpy as np

from app.errors import Conflict, Damaged, NotFound
from app.schemas.columns import Column
from app.storage.aliases import LATEST, Aliases
from app.storage.durable_files import DurableFiles, Permit, always_permit
from app.storage.file_states import FileState, FileStates
from app.storage.registry import Author, Registry
from app.storage.version_numbers import MAX_VERSION, highest, present, reserve

logger = getLogger(__name__)

SAMPLE = "sample_sha256"  # the member of a manifest's `data` that holds the digest of the sample
LEFT_S = 3600.0  # nobody writes for longer
Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]


class Schema(msgspec.Struct, frozen=True):
    """The columns of a fit. `vector`: y was (n,) and not (n, 1). `named`: its columns came with names.

    The first four are all that versions of earlier releases have; their inputs are numbers.
    """

    inputs: list[str]
    outputs: list[str]
    vector: bool
    named: bool = False
    named_inputs: bool = False
    """Whether the inputs came with names; without them they are called x, or x1, x2 …"""
    columns: list[Column] = []
    """What is known of each input."""
    unused: list[str] = []
    """The columns of the data of the fit that are neither inputs nor outputs."""


class Manifest(msgspec.Struct, kw_only=True):
    """Everything about one version except its arrays; `learned` holds the plain values that fit learned."""

    model: str
    version: int = 0
    estimator: str
    params: dict[str, Any]
    schema: Schema
    terms: list[str]
    metrics: dict[str, int | float | None]
    warnings: list[str] = []
    """What the model said about the fit."""
    data: dict[str, Any]
    libraries: dict[str, str]
    created: datetime
    job: str
    by: str = ""
    """The name of the API key that asked for the fit; '' where none was needed."""
    learned: dict[str, Any]
    arrays_sha256: str = ""
    sha256: str = ""
    """Digest of all other fields."""

    def to_json(self) -> bytes:
        """Return the manifest's file. There is one form: a file that differs by a byte is damaged."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)

    def digest(self) -> str:
        """Return the right value of `sha256`."""
        return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(self, sha256=""))).hexdigest()


class Store:
    """Models in `folder`: models/<name>/versions/<n>/{manifest.json, arrays.npz}, models/<name>/aliases/<alias>.

    If rows of the data were kept, `sample.npz` stands beside the arrays; the manifest's `data` has its digest.
    """

    def __init__(
        self,
        folder: Path,
        files: DurableFiles | None = None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        *,
        keep_versions: int = 0,
    ) -> None:
        """With `keep_versions` a publish removes older versions than so many that no alias names."""
        self._models = folder / "models"
        self._root = str(self._models)  # a path costs more at each use
        self._files = files or DurableFiles()
        self._keep_versions = keep_versions
        self._states = FileStates(clock)
        self._aliases = Aliases(self._models, self._files, self._states)
        self.registry = Registry(self._models, self._files, self._aliases, pause)

    def check(self) -> None:
        """Raise OSError if a file cannot be written."""
        self._files.make_folder(self._models)
        probe = self._models / f".probe-{uuid4().hex}"
        probe.touch()
        probe.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what killed processes left of removed models an hour ago or before; the rest, changes of models do."""
        self._files.sweep(self._models, time.time() - LEFT_S)

    def leftovers(self) -> list[Path]:
        """Return what killed processes left an hour ago or before."""
        folders = [self._models, *(self._models / name for name in self.registry.names())]
        return [path for folder in folders for path in self._files.unfinished(folder, time.time() - LEFT_S)]

    def resolve(self, name: str, version: int | str | None) -> int:
        """Return the number for an alias, for None (the champion if there is one, or else the latest), or for a number.

        A number is not checked. Raise NotFound.
        """
        if isinstance(version, int):
            return version
        number = self._aliases.number(name, version) if version else self._aliases.served(name)
        if number is None:
            raise _no_version(name, version or LATEST)
        return number

    def versions(self, name: str) -> list[int]:
        """Return the numbers of all versions, oldest first."""
        return present(self._models / name)

    def aliases(self, name: str) -> dict[str, int]:
        """Return each intact alias with the version it stands for."""
        found = {}
        for alias in self.alias_names(name):
            with suppress(Damaged):  # it is reported when it is used
                if (number := self._aliases.number(name, alias)) is not None:
                    found[alias] = number
        return found

    def alias_names(self, name: str) -> list[str]:
        """Return the names of a model's aliases, also of those that are damaged."""
        return self._aliases.names(name)

    def revision(self, name: str, version: int) -> FileState:
        """Return what is another when the files of a version are not those that were there; raise NotFound.

        Nobody changes a version, but an operator may put others into its place, such as those of a backup.
        """
        if not 0 < version <= MAX_VERSION:
            raise _no_version(name, version)
        try:
            return self._states.state(f"{self._root}/{name}/versions/{version}/manifest.json")
        except FileNotFoundError:
            raise _no_version(name, version) from None

    def manifest(self, name: str, version: int) -> Manifest:
        """Return the manifest of a version; raise NotFound, or Damaged when it is damaged."""
        try:
            raw = (self._version(name, version) / "manifest.json").read_bytes()
        except FileNotFoundError:
            raise _no_version(name, version) from None
        try:
            manifest = msgspec.json.decode(raw, type=Manifest)
            intact = _is_intact(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError):  # a flipped bit of a name, for example
            raise _damaged(name, version) from None
        if not intact:
            raise _damaged(name, version)
        return manifest

    def load(self, name: str, version: int) -> tuple[Manifest, Arrays]:
        """Return a version; raise NotFound, or Damaged when it is damaged."""
        manifest = self.manifest(name, version)
        return manifest, self._arrays(manifest, "arrays.npz", manifest.arrays_sha256)

    def sample(self, manifest: Manifest) -> Arrays:
        """Return the sample of a version's data, perhaps empty; raise Damaged when it is damaged."""
        digest = manifest.data.get(SAMPLE)
        return {} if digest is None else self._arrays(manifest, "sample.npz", digest)

    def _arrays(self, manifest: Manifest, file: str, digest: str) -> Arrays:
        try:
            raw = (self._version(manifest.model, manifest.version) / file).read_bytes()
        except FileNotFoundError:
            raise _damaged(manifest.model, manifest.version) from None
        if hashlib.sha256(raw).hexdigest() != digest:
            raise _damaged(manifest.model, manifest.version)
        return unpack_arrays(raw)

    def publish(
        self, manifest: Manifest, arrays: Arrays, permit: Permit = always_permit, sample: Arrays | None = None
    ) -> Manifest:
        """Write the next version and point `latest` at it; a job that published before gets its version back.

        `permit` is called under the lock, before the version becomes visible; if it raises, the version is removed.
        It is not called for a version that was published before.
        """
        files = {"arrays.npz": pack_arrays(arrays)}
        manifest.arrays_sha256 = hashlib.sha256(files["arrays.npz"]).hexdigest()
        if sample:
            files["sample.npz"] = pack_arrays(sample)
            manifest.data[SAMPLE] = hashlib.sha256(files["sample.npz"]).hexdigest()
        root = self._models / manifest.model
        with self.registry.lock(manifest.model, make=True):
            # a process may have died between writing a version and pointing at it
            if newest := max(self.versions(manifest.model), default=0):
                with suppress(Damaged):  # it is damaged; the next version replaces it
                    self._point_at(self.manifest(manifest.model, newest))
            if published := self._published(manifest.model, manifest.job):
                return published
            number = manifest.version = highest(root) + 1
            manifest.sha256 = manifest.digest()

            def permit_and_reserve() -> None:
                permit()
                reserve(self._files, root, number)

            with self._files.new_folder(root / "versions" / str(number), permit_and_reserve) as folder:
                for name, content in files.items():
                    self._files.write(folder / name, content)
                self._files.write(folder / "manifest.json", manifest.to_json())
            self._point_at(manifest)
            self._prune(manifest.model)
        return manifest

    def _prune(self, name: str) -> None:
        if self._keep_versions:
            try:
                self.registry.prune(name, self._keep_versions)
            except (
                OSError,
                Damaged,
            ) as error:  # it is published all the same; the next one tries again
                logger.warning("model %s: old versions were not removed (%s)", name, error)

    def _published(self, name: str, job: str) -> Manifest | None:
        """Return the version that a job published; raise Damaged if its marker does not lead to one."""
        number = None
        with suppress(ValueError, NotFound):
            try:
                number = int((self._models / name / "jobs" / job).read_text())
            except FileNotFoundError:
                return None
            found = self.manifest(name, number)
            if found.job == job:
                return found
        root = self._models / name
        if number is not None and 0 < number <= highest(root) and number not in present(root):
            raise Conflict(f"version {number}, which this job published, has been removed")
        raise Damaged(f"the marker of the version that job {job} published is damaged on disk; fit again")

    def _point_at(self, manifest: Manifest) -> None:
        """Point `latest` at a version, then write the marker of its job, which says that both are done."""
        root = self._models / manifest.model
        marker = root / "jobs" / manifest.job
        if not marker.exists():
            self.registry.set(manifest.model, LATEST, manifest.version, Author("fit", manifest.by))
            self._files.replace(marker, str(manifest.version))

    def _version(self, name: str, version: int) -> Path:
        if not 0 < version <= MAX_VERSION:
            raise _no_version(name, version)
        return self._models / name / "versions" / str(version)


def _is_intact(raw: bytes) -> bool:
    """Whether a manifest is as it was written; one of an earlier release lacks members that this one knows."""
    members = msgspec.json.decode(raw)
    digest, members["sha256"] = members["sha256"], ""
    if hashlib.sha256(msgspec.json.encode(members)).hexdigest() != digest:
        return False
    members["sha256"] = digest
    return raw == msgspec.json.format(msgspec.json.encode(members), indent=1)


def pack_arrays(arrays: Arrays) -> memoryview:
    """Return the file of some arrays."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getbuffer()


def unpack_arrays(raw: bytes | memoryview) -> Arrays:
    """Return the arrays of a file."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def _no_version(name: str, version: int | str) -> NotFound:
    return NotFound.at("/version", f"model {name!r} has no version {str(version)[:64]}")


def _damaged(name: str, version: int) -> Damaged:
    return Damaged(f"version {version} of model {name!r} is damaged on disk; fit it again")
