"""The manifest of a version: everything about it except what its files hold."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec

from app.schemas.columns import Column
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
    """Whether the inputs came with names; without them they are called x, or x1, x2 …"""
    columns: list[Column] = []
    """What is known of each input."""
    unused: list[str] = []
    """The columns of the data of the fit that are neither inputs nor outputs."""

    def input_columns(self) -> list[Column]:
        """Return what is known of each input, of an earlier release's that it is a number."""
        return self.columns or [Column(name, "number") for name in self.inputs]


class Manifest(msgspec.Struct, kw_only=True):
    """Everything about one version except its files; `learned` holds the plain values that fit learned.

    Members with a default are missing in versions of earlier releases.
    """

    model: str
    version: int = 0
    estimator: str
    """The source of what was fitted: the full name of its class, or the digest of an imported file."""
    estimator_name: str = ""
    """The estimator's name; '' where it is the model's."""
    task: Task = "regression"
    classes: list[Label] | None = None
    """The different labels of a classifier's fit, in order."""
    outputs: list[str] = msgspec.field(default_factory=lambda: ["y"])
    """What it predicts: y, and probabilities where the model has them."""
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
    provenance: dict[str, Any] | None = None
    """Of a model that was imported: its file's name, size and digest, and which sample it was tried out with."""
    moved_from: dict[str, Any] | None = None
    """Of a version from another store: the model, version and digest that it had there, and if it was signed."""
    format: Format = "arrays"
    stacks: Stacks | None = None
    """Whether rows may be predicted together with others; None where it is not known."""
    held_bytes: int = 0
    """What it takes in memory, as measured when it was tried out; 0 where it was not."""
    learned: dict[str, Any]
    files: dict[str, str] = {}
    """The files of what was learned, with the digest of each."""
    arrays_sha256: str = ""
    """The digest of the arrays, in place of `files`, as earlier releases have it."""
    sha256: str = ""
    """Digest of all other fields."""

    @property
    def made_of(self) -> str:
        """The name of the estimator."""
        return self.estimator_name or self.model

    def to_json(self) -> bytes:
        """Return the manifest's file. There is one form: a file that differs by a byte is damaged."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)

    def digest(self) -> str:
        """Return the right value of `sha256`."""
        return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(self, sha256=""))).hexdigest()

    def digests(self) -> dict[str, str]:
        """Return the digest of each file of what was learned."""
        return self.files or {ARRAYS_FILE: self.arrays_sha256}


def read_manifest(raw: bytes) -> Manifest | None:
    """Return the manifest in a file, None if it is not as it was written."""
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
        return manifest if _is_intact(raw) else None
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, RecursionError):  # a flipped bit of a name, for example
        return None


def _is_intact(raw: bytes) -> bool:
    """Whether a manifest is as it was written; one of an earlier release lacks members that this one knows."""
    members = msgspec.json.decode(raw)
    digest, members["sha256"] = members["sha256"], ""
    if hashlib.sha256(msgspec.json.encode(members)).hexdigest() != digest:
        return False
    members["sha256"] = digest
    return raw == msgspec.json.format(msgspec.json.encode(members), indent=1)
