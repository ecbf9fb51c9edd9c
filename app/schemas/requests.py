"""Requests and the checked work made of them, as msgspec Structs; bodies of JSON are in bodies.py.

Structs that are created for every request set gc=False: they have no cycles, so the garbage collector may skip them.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta

from app.schemas.decoding import msgpack_decoder
from app.schemas.pointers import escaped
from app.schemas.tables import Matrix, Records, Table
from app.schemas.tasks import Better, Format, Label, Task
from app.schemas.verbs import Verb

Version: TypeAlias = Annotated[int, Meta(ge=1)] | Annotated[str, Meta(min_length=1, max_length=100)]
Gain: TypeAlias = Annotated[float, Meta(ge=0)]
Timeout: TypeAlias = Annotated[float, Meta(gt=0)]


def parse_version(text: str | None) -> Version | None:
    """Return the version that a path, a query or an option names: a positive number, or an alias; None if missing."""
    return int(text) if text is not None and re.fullmatch("[1-9][0-9]{0,8}", text) else text


GATE_ROWS = "/promote/on"
"""The pointer to the rows of a gate."""
Y, PROBABILITIES = OUTPUTS = ("y", "probabilities")
"""The possible outputs of a prediction."""


class Webhook(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The URL to which Trinity sends the job's envelope when the job has ended."""

    url: str


class Source(msgspec.Struct, tag=True, gc=False):
    """The name and parameters of a data source, which is read when the work runs, and the columns to read."""

    name: str
    params: dict[str, Any]
    inputs: list[str] | None = None
    ignore: list[str] = []
    weight: str | None = None
    keep: list[str] = []


class Gate(msgspec.Struct, gc=False):
    """The gate of a request; see Promote."""

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
    """A file from a request, which is in the store until its job ends."""

    id: str
    """The id of the upload, and of the job if there is a queue."""
    reference: str
    """The reference of the file in the store of payloads."""


class FileInput(StoredFile, tag=True, gc=False):
    """A file for a model whose input is a file, or a zip file with the files of a fit or a score."""

    name: str
    """The name that its sender gave, '' if unknown; never a path."""
    media_type: str
    """Detected from its first bytes."""
    field: str = "file"
    """Of the form that it came in."""

    @property
    def pointer(self) -> str:
        """Where it is in its request."""
        return escaped(self.field)


class ModelFile(StoredFile, tag=True, gc=False):
    """A file with a fitted model, and the members of its request."""

    format: Format
    name: str = ""
    """The name that the sender gave to the file."""
    columns: list[str] | None = None
    """The names of the model's columns, in order."""
    classes: list[Label] | None = None
    """The labels that it predicts, in order."""
    task: Task | None = None
    strict: bool = False
    """Whether it must have been written by the same library versions."""
    sample: Table | None = None
    """Rows for the trial."""
    written: Table | None = None
    """The same rows with each cell as its text."""


class Request(msgspec.Struct, gc=False):
    """A decoded request, from JSON, CSV or npy; the service checks it against model and version."""

    model: str | None = None
    version: Version | None = None
    estimator: str | None = None
    """The estimator of the model, if the model does not exist yet."""
    params: dict[str, Any] = {}
    data: Records | None = None
    """The data in the format of the request."""
    source: Source | None = None
    target: list[str] = []
    """The columns of the data to predict, if y is not given separately."""
    inputs: list[str] | None = None
    ignore: list[str] = []
    weight: str | None = None
    """The column with the weights of the rows."""
    keep: list[str] = []
    """The columns to return beside the predictions."""
    outputs: list[str] = []
    """The requested outputs: y, probabilities; empty for y alone."""
    timeout: float | None = None
    webhook: Webhook | None = None
    promote: Gate | None = None
    """The gate of a fit."""


class Work(msgspec.Struct, gc=False):
    """A request that passed every check, ready to run or to queue; predict and score name their version.

    `timeout_s` and `webhook` apply to queued work only.
    """

    verb: Verb
    model: str
    version: int | None
    params: dict[str, Any]
    data: Table | Source | ModelFile | FileInput | None
    """None for a fit without a file, of a model whose input is a file."""
    timeout_s: float | None = None
    """Its timeout in seconds; None for the default of its verb."""
    webhook: str | None = None
    """The URL to call when it has ended."""
    estimator: str = ""
    """The estimator of a fit; '' if it has the name of the model."""
    outputs: list[str] = []
    """The outputs of a prediction, if not y alone."""
    promote: Promotion | None = None
    """The gate of a fit."""


def stored_files(work: Work) -> list[StoredFile]:
    """Return the files of a work's request: its data, and the data of its gate."""
    given = [work.data, None if work.promote is None else work.promote.data]
    return [each for each in given if isinstance(each, StoredFile)]


def stacked_rows(work: Work) -> int:
    """Return the size of a work in a shared call: its rows, or one file; 0 if it shares no call."""
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
_decoder = msgpack_decoder(Work, dec_hook=_decode_array)


def pack(work: Work) -> bytes:
    """Return the work as MessagePack, with arrays as shape and bytes; the ledger stores this form."""
    return _encoder.encode(work)


def unpack(raw: bytes) -> Work:
    """Return the work that `pack` packed; raise msgspec.ValidationError for anything else."""
    return _decoder.decode(raw)
