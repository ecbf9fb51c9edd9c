"""Requests and the checked work made of them, as msgspec Structs: one source for decoding, validation and OpenAPI.

Structs that are made for every request set gc=False: they hold no cycles, so the garbage collector may skip them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta

from app.schemas.verbs import Verb

Matrix: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Version: TypeAlias = Annotated[int, Meta(ge=1)] | Annotated[str, Meta(min_length=1, max_length=100)]
Timeout: TypeAlias = Annotated[float, Meta(gt=0)]
Rows: TypeAlias = list[list[float] | dict[str, float]]
Targets: TypeAlias = list[float | list[float]]


def parse_version(text: str | None) -> Version | None:
    """Return the version that a path, a query or an option names: a positive number, or an alias; None for none."""
    return int(text) if text is not None and re.fullmatch("[1-9][0-9]{0,8}", text) else text


class Data(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Either numbers (`X` is n×p or n named rows, `y` is n or n×k), or the name of a source."""

    X: Rows | None = None
    y: Targets | None = None
    columns: list[str] | None = None
    source: str | None = None
    params: dict[str, Any] = {}


class Webhook(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The URL that Trinity sends the job's envelope to when the job has ended."""

    url: str


class FitBody(msgspec.Struct, forbid_unknown_fields=True):
    """JSON body of a fit."""

    model: str | None = None
    params: dict[str, Any] = {}
    data: Data | None = None
    timeout: Timeout | None = None
    webhook: Webhook | None = None


class PredictBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """JSON body of a predict or score."""

    model: str | None = None
    version: Version | None = None
    data: Data | None = None
    timeout: Timeout | None = None
    webhook: Webhook | None = None


class Table(msgspec.Struct, tag=True, gc=False):
    """The data of a model: `X` (n, p) and `y` (n,) or (n, k), finite float64, with the names of their columns.

    `names_pointer` is the JSON pointer to the names in the request.
    """

    X: Matrix
    y: Matrix | None = None
    inputs: list[str] | None = None
    outputs: list[str] | None = None
    names_pointer: str = "/data/columns"

    def __iter__(self) -> Iterator[Matrix | None]:
        """Yield X and y, for `X, y = source.read()`."""
        return iter((self.X, self.y))


class Source(msgspec.Struct, tag=True, gc=False):
    """The name and parameters of a data source, which is read when the work is done."""

    name: str
    params: dict[str, Any]


class Request(msgspec.Struct, gc=False):
    """A decoded request, from JSON, CSV or npy; the service checks it against model and version."""

    model: str | None = None
    version: Version | None = None
    params: dict[str, Any] = {}
    table: Table | None = None
    source: Source | None = None
    timeout: float | None = None
    webhook: Webhook | None = None


class Work(msgspec.Struct, gc=False):
    """A request that passed every check, ready to be done or queued; predict and score name their version.

    `timeout_s` and `webhook` apply to queued work only.
    """

    verb: Verb
    model: str
    version: int | None
    params: dict[str, Any]
    data: Table | Source
    timeout_s: float | None = None
    """Seconds that it may take; None for the default of its verb."""
    webhook: str | None = None
    """The URL to call when it has ended."""


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
