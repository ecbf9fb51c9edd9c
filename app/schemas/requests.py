"""Requests and the checked work made of them, as msgspec Structs; bodies of JSON are in bodies.py.

The data of a request stays as it came until the service knows the model. Then a `Choice` says which columns are read
and as what, and the reader of the format (`Records`) makes a table of those alone.

Structs that are made for every request set gc=False: they hold no cycles, so the garbage collector may skip them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Protocol, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta

from app.schemas.columns import NUMERIC, Column, Kind
from app.schemas.tasks import Better, Format, Label, LabelKind, Task
from app.schemas.verbs import Verb

Matrix: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Version: TypeAlias = Annotated[int, Meta(ge=1)] | Annotated[str, Meta(min_length=1, max_length=100)]
Gain: TypeAlias = Annotated[float, Meta(ge=0)]
Timeout: TypeAlias = Annotated[float, Meta(gt=0)]
Cell: TypeAlias = float | str | bool | None
Rows: TypeAlias = list[list[Cell] | dict[str, Cell]]
Names: TypeAlias = list[Annotated[str, Meta(min_length=1)]]
Targets: TypeAlias = list[float | list[float]]


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


class Table(msgspec.Struct, tag=True, gc=False):
    """The data of a model: `X` (n, p) and `y` (n,) or (n, k), float64, with the names of their columns.

    A truth value is 0 or 1 in X, a text its position in the categories of its column, a time seconds since 1970 (UTC),
    and a missing value NaN. y is finite, and so is X where the model takes no missing values. That of a classifier
    holds the positions of labels among `labels`.
    """

    X: Matrix
    y: Matrix | None = None
    inputs: list[str] | None = None
    outputs: list[str] | None = None
    kinds: list[Kind] | None = None
    """What the columns of X are; None where all are numbers."""
    categories: dict[int, list[str]] = {}
    """The texts of each text column, by its position."""
    weight: Matrix | None = None
    """The weight of each row (n,)."""
    unused: list[str] = []
    """The names of the columns that came with these and were not read."""
    named: bool = True
    """Whether `inputs` came with the data; otherwise they are x1, x2 … by the positions of the columns."""
    kept: dict[str, list[Cell]] = {}
    """The cells of columns that come back beside the predictions, by name."""
    labels: list[Label] | None = None
    """The different labels in y, in order; after the classes of the fit those that it did not see. None for numbers."""
    warnings: list[str] = []
    """What is doubtful about the columns of a fit."""

    @property
    def is_plain(self) -> bool:
        """Whether it is numbers in columns without names, with nothing beside them but cells that are kept."""
        return self.inputs is None and self.y is None and self.weight is None and self.kinds is None

    def __iter__(self) -> Iterator[Matrix | None]:
        """Yield X and y, for `X, y = source.read()`."""
        return iter((self.X, self.y))


@dataclass(frozen=True)
class Selection:
    """Which columns are read, by their positions in the data, and what they may hold."""

    inputs: list[int]
    columns: list[Column | None]
    """For each input the column of the fit that it must agree with; None where its own values say what it is."""
    kinds: frozenset[Kind]
    """The kinds that the model takes."""
    takes_missing: bool = False
    """Whether the model takes missing values."""
    outputs: Sequence[int] = ()
    weight: int | None = None
    kept: Sequence[int] = ()
    """The columns whose cells are kept as they came."""
    check_indicators: Callable[[Sequence[int]], None] | None = None
    """Raises Invalid where a model cannot have so many inputs, even if all are indicators of these groups, for which
    it has the fewest terms."""
    any_texts: bool = False
    """Whether the model takes any number of different texts."""

    @cached_property
    def plain_width(self) -> int:
        """The number of columns where all of them are read, as numbers and in their order, and nothing else; or -1."""
        return len(self.inputs) if self.in_order and self.numeric and self.inputs_only else -1

    @cached_property
    def in_order(self) -> bool:
        """Whether the inputs are the first columns of the data, in their order."""
        return self.inputs == list(range(len(self.inputs)))

    @cached_property
    def inputs_only(self) -> bool:
        """Whether no columns are read but the inputs."""
        return not self.outputs and self.weight is None and not self.kept

    @cached_property
    def numeric(self) -> bool:
        """Whether all inputs may be numbers."""
        return all(column is None or column.kind in NUMERIC for column in self.columns)


class Choice(Protocol):
    """Selects columns, once the names in the data are known."""

    @property
    def labels(self) -> LabelKind | None:
        """What the labels in y may be; None where y is numbers."""

    def select(self, names: list[str] | None, width: int, pointer: str, *, has_y: bool) -> Selection:
        """Return the selection from `width` columns with these names; raise Invalid.

        `pointer` leads to the names in the request. With `has_y` the outputs stand beside the columns.
        """


class Records(Protocol):
    """The data of a request, in the format in which it came."""

    def read(self, choice: Choice) -> Table:
        """Read the chosen columns, in any thread; raise Invalid with pointers to the values that are wrong."""


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
    data: Table | Source
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
