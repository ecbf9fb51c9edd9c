"""The manifest of a version: everything about it except what its files hold."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec

from app.schemas.columns import Column
from app.schemas.decoding import decode_json
from app.schemas.tasks import Format, Label, Stacks, Task

ARRAYS_FILE = "arrays.npz"
SAMPLE = "sample_sha256"  # the member of a manifest's `data` that holds the digest of the sample


class Schema(msgspec.Struct, frozen=True):
    """The columns of a fit. `vector`: y was (n,) and not (n, 1). `named`: its columns came with names.

    The first four are all that versions of earlier releases have; their inputs are numbers.
    """

    inputs: list[str]
    outputs: list[str]
    vector: bool
    named: bool = False
    named_inputs: bool = False
    """Whether the inputs have names from the request; otherwise they are called x, or x1, x2 …"""
    columns: list[Column] = []
    """The known facts about each input."""
    unused: list[str] = []
    """The columns of the data of the fit that are neither inputs nor outputs."""

    def input_columns(self) -> list[Column]:
        """Return the known facts about each input; inputs from earlier releases are numbers."""
        return self.columns or [Column(name, "number") for name in self.inputs]


class Manifest(msgspec.Struct, kw_only=True):
    """Everything about one version except its files; `learned` holds the plain values that fit learned.

    Members with a default are missing in versions of earlier releases.
    """

    model: str
    version: int = 0
    estimator: str
    """The origin of the fitted object: the full name of its class, or the digest of an imported file."""
    estimator_name: str = ""
    """The estimator's name; '' if it is the model's name."""
    task: Task = "regression"
    classes: list[Label] | None = None
    """The different labels of a classifier's fit, in order."""
    outputs: list[str] = msgspec.field(default_factory=lambda: ["y"])
    """The outputs that it predicts: y, and probabilities if the model has them."""
    params: dict[str, Any]
    schema: Schema
    terms: list[str]
    metrics: dict[str, int | float | None]
    warnings: list[str] = []
    """The model's warnings about the fit."""
    data: dict[str, Any]
    libraries: dict[str, str]
    created: datetime
    job: str
    by: str = ""
    """The name of the API key of the fit's request; '' if no keys are required."""
    provenance: dict[str, Any] | None = None
    """For an imported model: its file's name, size and digest, and the sample that it was tried out with."""
    moved_from: dict[str, Any] | None = None
    """For a version from another store: its model, version and digest there, and whether it was signed."""
    format: Format = "arrays"
    stacks: Stacks | None = None
    """Whether rows of several requests may be predicted in one call; None if unknown."""
    held_bytes: int = 0
    """Bytes of memory that it takes, measured when it was tried out; 0 if it was not."""
    learned: dict[str, Any]
    files: dict[str, str] = {}
    """The files with the learned state, and the digest of each."""
    arrays_sha256: str = ""
    """The digest of the arrays; earlier releases have it instead of `files`."""
    sha256: str = ""
    """Digest of all other fields."""

    @property
    def made_of(self) -> str:
        """The name of the estimator."""
        return self.estimator_name or self.model

    def to_json(self) -> bytes:
        """Return the manifest's file. There is exactly one encoding: a file that differs by a byte is damaged."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)

    def digest(self) -> str:
        """Return the right value of `sha256`."""
        return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(self, sha256=""))).hexdigest()

    def digests(self) -> dict[str, str]:
        """Return the digest of each file of the learned state."""
        return self.files or {ARRAYS_FILE: self.arrays_sha256}


def read_manifest(raw: bytes) -> Manifest | None:
    """Return the manifest in a file, None if the file has changed since it was written."""
    try:
        manifest = decode_json(raw, Manifest)
        return manifest if _is_intact(raw) else None
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, RecursionError):  # a flipped bit of a name, for example
        return None


def _is_intact(raw: bytes) -> bool:
    """Whether a manifest is unchanged since it was written; manifests of earlier releases have fewer members."""
    members = msgspec.json.decode(raw)
    digest, members["sha256"] = members["sha256"], ""
    if hashlib.sha256(msgspec.json.encode(members)).hexdigest() != digest:
        return False
    members["sha256"] = digest
    return raw == msgspec.json.format(msgspec.json.encode(members), indent=1)
