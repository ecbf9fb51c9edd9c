"""The model store: immutable versions as files, published atomically and found through alias files."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from logging import getLogger
from pathlib import Path
from uuid import uuid4

from app.errors import Conflict, Damaged, NotFound
from app.storage.aliases import LATEST, Aliases
from app.storage.array_files import Arrays, pack_arrays, unpack_arrays
from app.storage.durable_files import DurableFiles, Permit, always_permit
from app.storage.file_states import FileState, FileStates, file_state
from app.storage.manifest import SAMPLE, Manifest, read_manifest
from app.storage.registry import Author, Registry
from app.storage.version_numbers import MAX_VERSION, highest, present, reserve

logger = getLogger(__name__)

PUBLISH_WAIT_S = 60.0
"""How long a fit waits for the lock to publish: other versions may be large, and its work would be lost."""
LEFT_S = 3600.0  # no write takes longer
MANIFEST_FILE = "manifest.json"
SAMPLE_FILE = "sample.npz"
MAX_FILE_BYTES = 2**32
"""A larger file of a version is not read: such a file is never published."""
FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9]+)?")
Files = Mapping[str, bytes | memoryview]
"""The files of the learned state, by name."""


class Store:
    """Models in `folder`: models/<name>/versions/<n>/{manifest.json, …}, models/<name>/aliases/<alias>.

    The files of the learned state are beside the manifest, which has their digests. If rows of the data were kept,
    `sample.npz` is there, too; the manifest's `data` has its digest.
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
        """With `keep_versions` a publish keeps that many of the newest versions, and all versions with an alias."""
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
        """Remove what killed removals of models left an hour ago or earlier; changes of models remove other remains."""
        self._files.sweep(self._models, time.time() - LEFT_S)

    def leftovers(self) -> list[Path]:
        """Return the files and folders that killed processes left an hour ago or earlier."""
        folders = [self._models, *(self._models / name for name in self.registry.names())]
        return [path for folder in folders for path in self._files.unfinished(folder, time.time() - LEFT_S)]

    def resolve(self, name: str, version: int | str | None) -> int:
        """Return the number for an alias, for None (the champion if there is one, or else the latest), or for a number.

        A number is not checked. Raise NotFound.
        """
        if isinstance(version, int):
            return version
        number = self._aliases.served(name) if version is None else self._aliases.number(name, version)
        if number is None:
            raise _no_version(name, LATEST if version is None else version)
        return number

    def seen(self, name: str, version: int | str | None) -> int | None:
        """Do as `resolve`, but read no file: return None if a file must be read, or the alias does not exist."""
        return version if isinstance(version, int) else self._aliases.seen(name, version)

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
        """Return the names of a model's aliases, including damaged ones."""
        return self._aliases.names(name)

    def revision(self, name: str, version: int) -> FileState:
        """Return a value that changes when the files of a version are replaced; raise NotFound.

        Trinity never changes a version, but an operator may replace its files, for example by a backup.
        """
        if not 0 < version <= MAX_VERSION:
            raise _no_version(name, version)
        try:
            return file_state(f"{self._root}/{name}/versions/{version}/{MANIFEST_FILE}")
        except FileNotFoundError:
            raise _no_version(name, version) from None

    def file_states(self, name: str, version: int) -> Mapping[str, FileState]:
        """Return the state of each file of a version, by name; raise NotFound."""
        folder = self._version(name, version)
        try:
            return {path.name: file_state(str(path)) for path in folder.iterdir()}
        except FileNotFoundError:
            raise _no_version(name, version) from None

    def manifest(self, name: str, version: int) -> Manifest:
        """Return the manifest of a version; raise NotFound, or Damaged when it is damaged."""
        try:
            raw = (self._version(name, version) / MANIFEST_FILE).read_bytes()
        except FileNotFoundError:
            raise _no_version(name, version) from None
        manifest = read_manifest(raw)
        if manifest is None:
            raise _damaged(name, version)
        return manifest

    def load(self, name: str, version: int) -> tuple[Manifest, dict[str, bytes]]:
        """Return a version with its files; raise NotFound, or Damaged when it is damaged."""
        manifest = self.manifest(name, version)
        return manifest, {file: self._file(manifest, file, digest) for file, digest in manifest.digests().items()}

    def sample(self, manifest: Manifest) -> Arrays:
        """Return the sample of a version's data, which may be empty; raise Damaged when it is damaged."""
        digest = manifest.data.get(SAMPLE)
        return {} if digest is None else unpack_arrays(self._file(manifest, SAMPLE_FILE, digest))

    def files(self, name: str, version: int) -> dict[str, bytes]:
        """Return all files of a version as stored, with manifest and sample; raise NotFound or Damaged."""
        manifest, files = self.load(name, version)
        files[MANIFEST_FILE] = (self._version(name, version) / MANIFEST_FILE).read_bytes()
        if SAMPLE in manifest.data:
            files[SAMPLE_FILE] = self._file(manifest, SAMPLE_FILE, manifest.data[SAMPLE])
        return files

    def _file(self, manifest: Manifest, file: str, digest: str) -> bytes:
        damaged = _damaged(manifest.model, manifest.version)
        if not FILE_NAME.fullmatch(file):
            raise damaged
        try:
            with (self._version(manifest.model, manifest.version) / file).open("rb") as stored:
                raw = stored.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            raise damaged from None
        if len(raw) > MAX_FILE_BYTES or hashlib.sha256(raw).hexdigest() != digest:
            raise damaged
        return raw

    def publish(
        self, manifest: Manifest, files: Files, permit: Permit = always_permit, sample: Arrays | None = None
    ) -> Manifest:
        """Write the next version and point `latest` at it; a job that published before gets its version back.

        `permit` is called under the lock, before the version becomes visible; if it raises, the version is removed.
        It is not called for a version that was published before.
        """
        contents = dict(files)
        manifest.files = {file: hashlib.sha256(content).hexdigest() for file, content in files.items()}
        if sample:
            contents[SAMPLE_FILE] = pack_arrays(sample)
            manifest.data[SAMPLE] = hashlib.sha256(contents[SAMPLE_FILE]).hexdigest()
        root = self._models / manifest.model
        with self.registry.lock(manifest.model, PUBLISH_WAIT_S, make=True):
            # a process may have died after it wrote a version and before it set the alias
            newest = self._newest(manifest.model)
            if newest is not None:
                self._point_at(newest)
            if published := self._published(manifest.model, manifest.job):
                return published
            if newest is not None and newest.made_of != manifest.made_of:  # two first fits at the same time
                raise Conflict.at("/estimator", f"model {manifest.model!r} is made of the estimator {newest.made_of!r}")
            number = manifest.version = highest(root) + 1
            manifest.sha256 = manifest.digest()

            def permit_and_reserve() -> None:
                permit()
                reserve(self._files, root, number)

            with self._files.new_folder(root / "versions" / str(number), permit_and_reserve) as folder:
                for name, content in contents.items():
                    self._files.write(folder / name, content)
                self._files.write(folder / MANIFEST_FILE, manifest.to_json())
            self._point_at(manifest)
            self._prune(manifest.model)
        return manifest

    def _newest(self, name: str) -> Manifest | None:
        """Return the newest version; None if there is no version, or it is damaged (the next one replaces it)."""
        number = max(self.versions(name), default=0)
        with suppress(Damaged):
            return self.manifest(name, number) if number else None
        return None

    def _prune(self, name: str) -> None:
        if self._keep_versions:
            try:
                self.registry.prune(name, self._keep_versions)
            except (
                OSError,
                Damaged,
            ) as error:  # the version is published anyway; the next publish tries again
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
        """Point `latest` at a version, then write the marker of its job, which shows that both are done."""
        root = self._models / manifest.model
        marker = root / "jobs" / manifest.job
        if not marker.exists():
            self.registry.set(manifest.model, LATEST, manifest.version, Author("fit", manifest.by))
            self._files.replace(marker, str(manifest.version))

    def _version(self, name: str, version: int) -> Path:
        if not 0 < version <= MAX_VERSION:
            raise _no_version(name, version)
        return self._models / name / "versions" / str(version)


def _no_version(name: str, version: int | str) -> NotFound:
    return NotFound.at("/version", f"model {name!r} has no version {str(version)[:64]}")


def _damaged(name: str, version: int) -> Damaged:
    return Damaged(f"version {version} of model {name!r} is damaged on disk; fit it again")
