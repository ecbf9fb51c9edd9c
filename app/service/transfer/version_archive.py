"""An archive of one version: its manifest and files as in the store, and a signature if there is a key.

It is a zip file without compression. The manifest has the digests of all other files, so its HMAC covers everything
(RFC 2104, SHA-256).
"""

from __future__ import annotations

import hashlib
import hmac
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

from app.errors import Invalid
from app.model.imported.archives import check_archive
from app.storage.manifest import SAMPLE, Manifest, read_manifest
from app.storage.model_store import FILE_NAME, MANIFEST_FILE, SAMPLE_FILE

SIGNATURE = "signature.txt"
PURPOSE = b"trinity version 1\n"
"""Prefix of the signed bytes, so that a signature is not valid for anything else."""
KEY = "TRINITY_EXPORT_KEY"
_WRITTEN = (1980, 1, 1, 0, 0, 0)  # so that the same version always has the same archive
_DAMAGED = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, LookupError, OverflowError, ValueError)
"""Errors of zipfile for a file that is not an archive."""


class ArchivedVersion(NamedTuple):
    """The content of an archive; every file has its digest in the manifest."""

    manifest: Manifest
    files: Mapping[str, bytes]
    sample: bytes
    """The file of the sample, empty if there is none."""
    signed: bool
    """Whether it was signed with this service's key."""


def pack(files: Mapping[str, bytes], key: str | None) -> bytes:
    """Return the archive of a version's files, signed if there is a key."""
    contents = dict(files)
    if key is not None:
        contents[SIGNATURE] = _signature(files[MANIFEST_FILE], key).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name, _WRITTEN), content)
    return buffer.getvalue()


def read_archive(path: Path, key: str | None, max_bytes: int) -> ArchivedVersion:
    """Return the content of an archive; raise Invalid if it is too large, damaged, or not signed with the key."""
    size = path.stat().st_size
    if size > max_bytes:
        _refuse(f"the archive has {size} bytes, the limit is {max_bytes} (TRINITY_MAX_IMPORT)")
    contents = _contents(path)
    if MANIFEST_FILE not in contents:
        _refuse(f"this is no archive of a version: it has no {MANIFEST_FILE}; write one with `models export`")
    raw = contents.pop(MANIFEST_FILE)
    signed = _check_signature(raw, contents.pop(SIGNATURE, None), key)
    manifest = read_manifest(raw)
    if manifest is None:
        _refuse("the manifest in the archive is damaged")
    digests = manifest.digests()
    if SAMPLE in manifest.data:
        digests = {**digests, SAMPLE_FILE: manifest.data[SAMPLE]}
    if contents.keys() != digests.keys():
        odd = ", ".join(sorted(contents.keys() ^ digests.keys()))[:200]
        _refuse(f"the archive has not the files that its manifest names: {odd}")
    for name, content in contents.items():
        if not FILE_NAME.fullmatch(name):
            _refuse("the archive has a file under a name that no file of a version has")
        if hashlib.sha256(content).hexdigest() != digests[name]:
            _refuse(f"{name} in the archive is damaged: it has not the digest that the manifest says")
    sample = contents.pop(SAMPLE_FILE, b"")
    return ArchivedVersion(manifest, contents, sample, signed)


def _contents(path: Path) -> dict[str, bytes]:
    check_archive(path)
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                _refuse("an entry of the archive is packed; versions are exported as they are")
            return {entry.filename: archive.read(entry) for entry in archive.infolist()}
    except _DAMAGED as error:
        raise Invalid.at("/file", f"the archive is damaged: {str(error)[:200]}") from None


def _check_signature(manifest: bytes, signature: bytes | None, key: str | None) -> bool:
    """Return whether the manifest is signed with the key; raise Invalid if there is a key, but no valid signature."""
    if key is None:
        return False
    if signature is None:
        _refuse(f"the archive is not signed, and {KEY} is set: export it where the same key is set")
    if not hmac.compare_digest(signature, _signature(manifest, key).encode()):
        _refuse(f"the archive is not signed with the key of {KEY}, or was changed since")
    return True


def _signature(manifest: bytes, key: str) -> str:
    return hmac.new(key.encode(), PURPOSE + manifest, hashlib.sha256).hexdigest()


def _refuse(detail: str) -> NoReturn:
    raise Invalid.at("/file", detail)
