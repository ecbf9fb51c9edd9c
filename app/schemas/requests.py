"""Requests and the checked work made of them, as msgspec Structs; bodies of JSON are in bodies.py.

Structs that are made for every request set gc=False: they hold no cycles, so the garbage collector may skip them.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta

from app.schemas.tables import Matrix, Records, Table
from app.schemas.tasks import Better, Format, Label, Task
from app.schemas.verbs import Verb

Version: TypeAlias = Annotated[int, Meta(ge=1)] | Annotated[str, Meta(min_length=1, max_length=100)]
Gain: TypeAlias = Annotated[float, Meta(ge=0)]
Timeout: TypeAlias = Annotated[float, Meta(gt=0)]


def parse_version(text: str | None) -> Version | None:
    """Return the version that a path, a query or an option names: a positive number, or an alias; None for none."""
    return int(text) if text is not None and re.fullmatch("[1-9][0-9]{0,8}", text) else text


GATE_ROWS = "/promote/on"
"""The pointer to the rows of a gate."""
Y, PROBABILITIES = OUTPUTS = ("y", "probabilities")
"""What a prediction may give."""


class Webhook(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The URL that Trinity sends the job's envelope to when the job has ended."""

    url: str


class Source(msgspec.Struct, tag=True, gc=False):
    """The name and parameters of a data source, which is read when the work is done, and which columns of it count."""

    name: str
    params: dict[str, Any]
    inputs: list[str] | None = None
    ignore: list[str] = []
    weight: str | None = None
    keep: list[str] = []


class Gate(msgspec.Struct, gc=False):
    """What a request says of a gate; see Promote."""

    alias: str
    metric: str | None = None
    gain: float = 0.0
    data: Records | None = None
    source: Source | None = None


class Promotion(msgspec.Struct, gc=False):
    """A gate that passed every check."""

    alias: str
    metric: str
    gain: float
    data: Table | Source | FileInput
    better: Better = "higher"
    """Which values of the metric are better."""


class StoredFile(msgspec.Struct, gc=False):
    """A file that came with a request, which is in the store until its job ends."""

    id: str
    """Of the upload, and of the job where there is a queue."""
    reference: str
    """Of the file in the store of payloads."""


class FileInput(StoredFile, tag=True, gc=False):
    """A file for a model whose input is one, or a zip file with those of a fit or a score."""

    name: str
    """As its sender calls it, '' if that is not known; never a path."""
    media_type: str
    """Found by its first bytes."""


class ModelFile(StoredFile, tag=True, gc=False):
    """A file with a fitted model, and what its request says about it."""

    format: Format
    name: str = ""
    """The name that the file has for its sender."""
    columns: list[str] | None = None
    """The names of the columns that the model takes, in order."""
    classes: list[Label] | None = None
    """The labels that it predicts, in order."""
    task: Task | None = None
    strict: bool = False
    """Whether it must have been made by the same library versions."""
    sample: Table | None = None
    """Rows to try it out with."""


class Request(msgspec.Struct, gc=False):
    """A decoded request, from JSON, CSV or npy; the service checks it against model and version."""

    model: str | None = None
    version: Version | None = None
    estimator: str | None = None
    """What a fit makes the model of, if it is not made yet."""
    params: dict[str, Any] = {}
    data: Records | None = None
    """The data as it came."""
    source: Source | None = None
    target: list[str] = []
    """The columns of the data to predict, where y does not stand beside them."""
    inputs: list[str] | None = None
    ignore: list[str] = []
    weight: str | None = None
    """The column that holds the weights of the rows."""
    keep: list[str] = []
    """The columns that come back beside the predictions."""
    outputs: list[str] = []
    """What is predicted: y, probabilities; none for y alone."""
    timeout: float | None = None
    webhook: Webhook | None = None
    promote: Gate | None = None
    """The gate of a fit."""


class Work(msgspec.Struct, gc=False):
    """A request that passed every check, ready to be done or queued; predict and score name their version.

    `timeout_s` and `webhook` apply to queued work only.
    """

    verb: Verb
    model: str
    version: int | None
    params: dict[str, Any]
    data: Table | Source | ModelFile | FileInput | None
    """None for a fit of a model whose input is a file, where there is none."""
    timeout_s: float | None = None
    """Seconds that it may take; None for the default of its verb."""
    webhook: str | None = None
    """The URL to call when it has ended."""
    estimator: str = ""
    """What a fit makes its model of; '' where that has the name of the model."""
    outputs: list[str] = []
    """What a prediction gives, where it is not y alone."""
    promote: Promotion | None = None
    """The gate of a fit."""


def stored_files(work: Work) -> list[StoredFile]:
    """Return the files that came with a work's request: its data, and what a gate compares versions on."""
    given = [work.data, None if work.promote is None else work.promote.data]
    return [each for each in given if isinstance(each, StoredFile)]


def stacked_rows(work: Work) -> int:
    """Return what a work adds to a call that it shares with others: rows, or one file; 0 where it shares none."""
    if isinstance(work.data, Table):
        return len(work.data.X)
    return int(isinstance(work.data, FileInput))


def _encode_array(value: object) -> tuple[tuple[int, ...], bytes]:
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    raise NotImplementedError(f"can't encode {type(value).__name__}")


def _decode_array(_: type, value: tuple[list[int], bytes]) -> Matrix:
    shape, raw = value
    return np.frombuffer(raw, dtype=np.float64).reshape(shape)


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_array)
_decoder = msgspec.msgpack.Decoder(Work, dec_hook=_decode_array)


def pack(work: Work) -> bytes:
    """Return the work as MessagePack, with arrays as shape and bytes; the ledger stores this form."""
    return _encoder.encode(work)


def unpack(raw: bytes) -> Work:
    """Return the work that `pack` packed; raise msgspec.ValidationError for anything else."""
    return _decoder.decode(raw)
