"""The model store: immutable versions as files, published atomically and found through alias files."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import numpy as np

from app.errors import ModelFailed, NotFound
from app.storage.durable_files import DurableFiles, Permit, always_permit

LATEST = "latest"
SAMPLE = "sample_sha256"  # where, among what a manifest says of the data, the digest of the kept rows is
MAX_VERSION = 10**9  # beyond it a number is no version, nor the name of a folder
_NUMBER = re.compile(r"[1-9][0-9]*")
_ALIAS = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_POINTED = re.compile(r"([1-9][0-9]{0,9})( sha256:[0-9a-f]{16})?\s*", re.ASCII)
Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]


class Schema(msgspec.Struct, frozen=True):
    """Names of the columns of a fit; `vector`: y was (n,) and not (n, 1); `named`: its columns came with names."""

    inputs: list[str]
    outputs: list[str]
    vector: bool
    named: bool = False


class Manifest(msgspec.Struct, kw_only=True):
    """All that is known of one version but its arrays; `learned` holds what fit learned as plain values."""

    model: str
    version: int = 0
    estimator: str
    params: dict[str, Any]
    schema: Schema
    terms: list[str]
    metrics: dict[str, int | float | None]
    data: dict[str, Any]
    libraries: dict[str, str]
    created: datetime
    job: str
    learned: dict[str, Any]
    arrays_sha256: str = ""
    sha256: str = ""
    """Digest of all the others."""

    def written(self) -> bytes:
        """Return the one form in which it is written: any other, though it may say the same, is damaged."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)

    def digest(self) -> str:
        """Return what `sha256` has to be."""
        return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(self, sha256=""))).hexdigest()


class Store:
    """Models in `folder`: models/<name>/versions/<n>/{manifest.json, arrays.npz}, models/<name>/aliases/<alias>.

    Beside the arrays there is `sample.npz` when rows of the data were kept; the manifest's `data` has its digest.
    """

    def __init__(self, folder: Path, disk: DurableFiles | None = None) -> None:
        self._models = folder / "models"
        self._root = str(self._models)
        self._disk = disk or DurableFiles()
        self._seen: dict[str, tuple[tuple[int, int], int]] = {}

    def check(self) -> None:
        """Raise OSError unless a file can be written."""
        self._disk.make_folder(self._models)
        probe = self._models / f".probe-{uuid4().hex}"
        probe.touch()
        probe.unlink()

    def resolve(self, name: str, version: int | str | None) -> int:
        """Return the number for an alias, None (the latest) or a number, which need not exist; raise NotFound."""
        if isinstance(version, int):
            return version
        alias = version or LATEST
        number = self._aliased(name, alias) if alias == LATEST or _ALIAS.fullmatch(alias) else None
        if number is None:
            raise _no_version(name, alias)
        return number

    def versions(self, name: str) -> list[int]:
        """Return the numbers of all versions, oldest first."""
        folder = self._models / name / "versions"
        entries = folder.iterdir() if folder.is_dir() else ()
        return sorted(int(entry.name) for entry in entries if _NUMBER.fullmatch(entry.name))

    def aliases(self, name: str) -> dict[str, int]:
        """Return each intact alias with the version it stands for."""
        folder = self._models / name / "aliases"
        entries = sorted(folder.iterdir()) if folder.is_dir() else ()
        found = {}
        for entry in entries:
            with suppress(ValueError):  # damaged, or none at all: who asks for it is told
                if _ALIAS.fullmatch(entry.name):
                    found[entry.name] = _pointed(entry.read_text())
        return found

    def manifest(self, name: str, version: int) -> Manifest:
        """Return the manifest of one version; raise NotFound, or ModelFailed when it can't be read."""
        try:
            raw = (self._version(name, version) / "manifest.json").read_bytes()
        except FileNotFoundError:
            raise _no_version(name, version) from None
        try:
            manifest = msgspec.json.decode(raw, type=Manifest)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise _damaged(name, version) from None
        if raw != manifest.written() or manifest.sha256 != manifest.digest():
            raise _damaged(name, version)
        return manifest

    def load(self, name: str, version: int) -> tuple[Manifest, Arrays]:
        """Return one version; raise NotFound, or ModelFailed when it is not as it was written."""
        manifest = self.manifest(name, version)
        return manifest, self._arrays(manifest, "arrays.npz", manifest.arrays_sha256)

    def sample(self, manifest: Manifest) -> Arrays:
        """Return what was kept of a version's data, perhaps nothing; raise ModelFailed when it isn't as written."""
        digest = manifest.data.get(SAMPLE)
        return {} if digest is None else self._arrays(manifest, "sample.npz", digest)

    def _arrays(self, manifest: Manifest, file: str, digest: str) -> Arrays:
        try:
            raw = (self._version(manifest.model, manifest.version) / file).read_bytes()
        except FileNotFoundError:
            raise _damaged(manifest.model, manifest.version) from None
        if hashlib.sha256(raw).hexdigest() != digest:
            raise _damaged(manifest.model, manifest.version)
        with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}

    def publish(
        self, manifest: Manifest, arrays: Arrays, permit: Permit = always_permit, sample: Arrays | None = None
    ) -> Manifest:
        """Write the next version and point `latest` at it; a job that published already gets its version back.

        `permit` is asked under the lock when all is written and nothing is visible yet: when it raises, nothing ever
        will be. It isn't asked for what was published already.
        """
        files = {"arrays.npz": _packed(arrays)}
        manifest.arrays_sha256 = hashlib.sha256(files["arrays.npz"]).hexdigest()
        if sample:
            files["sample.npz"] = _packed(sample)
            manifest.data[SAMPLE] = hashlib.sha256(files["sample.npz"]).hexdigest()
        root = self._models / manifest.model
        self._disk.make_folder(root)
        with _locked(root / "publish.lock"):
            self._disk.sweep(root)  # all that writes here does so under the lock
            newest = max(self.versions(manifest.model), default=0)
            if newest:  # a process may have died between writing it and announcing it
                with suppress(ModelFailed):  # or it is damaged, which the next version mends
                    self._announce(self.manifest(manifest.model, newest))
            if published := self._published(manifest.model, manifest.job):
                return published
            manifest.version = newest + 1
            manifest.sha256 = manifest.digest()
            with self._disk.new_folder(root / "versions" / str(manifest.version), permit) as folder:
                for name, content in files.items():
                    self._disk.write(folder / name, content)
                self._disk.write(folder / "manifest.json", manifest.written())
            self._announce(manifest)
        return manifest

    def _published(self, name: str, job: str) -> Manifest | None:
        """Return what a job published already; raise ModelFailed when the note of it leads to no version of the job."""
        with suppress(ValueError, NotFound):
            try:
                found = self.manifest(name, int((self._models / name / "jobs" / job).read_text()))
            except FileNotFoundError:
                return None
            if found.job == job:
                return found
        raise ModelFailed(f"what job {job} published is noted, but the note is damaged on disk; fit again")

    def _announce(self, manifest: Manifest) -> None:
        """Point `latest` at a new version, then note which job made it; the note says that both were done."""
        root = self._models / manifest.model
        marker = root / "jobs" / manifest.job
        if not marker.exists():
            self._disk.replace(root / "aliases" / LATEST, _pointer(manifest.version))
            self._disk.replace(marker, str(manifest.version))

    def _version(self, name: str, version: int) -> Path:
        if not 0 < version <= MAX_VERSION:
            raise _no_version(name, version)
        return self._models / name / "versions" / str(version)

    def _aliased(self, name: str, alias: str) -> int | None:
        """Read an alias, or, while its file is the one seen last, return what it held: one stat on the hot path."""
        path = f"{self._root}/{name}/aliases/{alias}"
        try:
            stat = os.stat(path)  # noqa: PTH116  a tenth of the time of a Path
            seen = self._seen.get(path)
            if seen is None or seen[0] != (stat.st_mtime_ns, stat.st_ino):
                seen = (stat.st_mtime_ns, stat.st_ino), _pointed(Path(path).read_text())
                self._seen[path] = seen
        except FileNotFoundError:
            return None
        except ValueError:
            raise ModelFailed(f"alias {alias!r} of model {name!r} is damaged on disk; fit it again") from None
        return seen[1]


def _packed(arrays: Arrays) -> memoryview:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getbuffer()


def _pointer(version: int) -> str:
    """Return the content of an alias file: the number, and a check by which another number would be noticed."""
    return f"{version} sha256:{hashlib.sha256(b'%d' % version).hexdigest()[:16]}"


def _pointed(text: str) -> int:
    """Return the number in an alias file, ValueError unless it is intact; operators write the number alone."""
    found = _POINTED.fullmatch(text)
    if found is None or (found[2] and _pointer(int(found[1])) != found[1] + found[2]):
        raise ValueError(text[:64])
    return int(found[1])


def _no_version(name: str, version: int | str) -> NotFound:
    return NotFound.at("/version", f"model {name!r} has no version {str(version)[:64]}")


def _damaged(name: str, version: int) -> ModelFailed:
    return ModelFailed(f"version {version} of model {name!r} is damaged on disk; fit it again")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; the kernel releases it when the process ends, however it ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
