"""Requests, checked work and answers as msgspec Structs: the one source for decoding, validation and encoding.

Those made for every request are out of the garbage collector's sight (gc=False): none can be part of a cycle.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta

from app.errors import Failure, Fault

Matrix: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Verb: TypeAlias = Literal["fit", "predict", "score"]
VERBS: tuple[Verb, ...] = ("fit", "predict", "score")
Version: TypeAlias = Annotated[int, Meta(ge=1)] | Annotated[str, Meta(min_length=1, max_length=100)]
Timeout: TypeAlias = Annotated[float, Meta(gt=0)]
Rows: TypeAlias = list[list[float] | dict[str, float]]
Targets: TypeAlias = list[float | list[float]]
Time: TypeAlias = Annotated[datetime, Meta(tz=True)]
Status: TypeAlias = Literal["PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED"]
FINISHED: frozenset[Status] = frozenset({"SUCCESS", "FAILURE", "REVOKED"})


def version_of(text: str) -> Version:
    """Return the version that a text names: a number as one is written, or an alias."""
    return int(text) if re.fullmatch("[1-9][0-9]{0,8}", text) else text


class Data(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Either the numbers themselves (`X` is n×p or n named rows, `y` is n or n×k), or the name of a source."""

    X: Rows | None = None
    y: Targets | None = None
    columns: list[str] | None = None
    source: str | None = None
    params: dict[str, Any] = {}


class Webhook(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Where to send the job's envelope when the job has ended."""

    url: str


class FitBody(msgspec.Struct, forbid_unknown_fields=True):
    """JSON body of a fit."""

    model: str | None = None
    params: dict[str, Any] = {}
    data: Data | None = None
    timeout: Timeout | None = None
    webhook: Webhook | None = None


class ApplyBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """JSON body of a predict or score."""

    model: str | None = None
    version: Version | None = None
    data: Data | None = None
    timeout: Timeout | None = None
    webhook: Webhook | None = None


class Table(msgspec.Struct, tag=True, gc=False):
    """Numbers ready for a model: `X` (n, p) and `y` (n,) or (n, k), finite float64, with the names of their columns.

    `names_at` points to where the names stand in the request.
    """

    X: Matrix
    y: Matrix | None = None
    inputs: list[str] | None = None
    outputs: list[str] | None = None
    names_at: str = "/data/columns"


class Source(msgspec.Struct, tag=True, gc=False):
    """Numbers that a connector makes or fetches when the work is done."""

    name: str
    params: dict[str, Any]


class Request(msgspec.Struct, gc=False):
    """What was asked, however it was spelled (JSON or CSV), before any check but that of its form."""

    model: str | None = None
    version: Version | None = None
    params: dict[str, Any] = {}
    table: Table | None = None
    source: Source | None = None
    timeout: float | None = None
    webhook: Webhook | None = None


class Work(msgspec.Struct, gc=False):
    """A request that passed every check: what is done at once or queued. `version` is pinned for predict and score.

    `timeout_s` and `webhook`, the URL to call at the end, are for those who queue it.
    """

    verb: Verb
    model: str
    version: int | None
    params: dict[str, Any]
    data: Table | Source
    timeout_s: float | None = None
    """How long it may take where the request says so."""
    webhook: str | None = None
    """Where to tell of its end."""


class Problem(msgspec.Struct, omit_defaults=True):
    """Problem details (RFC 9457), with a JSON pointer (RFC 6901) to each bad value."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []


class ProtocolError(msgspec.Struct):
    """An error as the Open Inference Protocol has it."""

    error: str


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """How work ended: `result` as JSON or `failure`, and when (seconds since the epoch)."""

    started_s: float
    finished_s: float
    version: int | None = None
    result: msgspec.Raw | None = None
    failure: Failure | None = None
    rows: int = 0
    """How many rows of data it took, as far as that is known."""
    numbers: Matrix | None = None
    """Predictions as they are, in place of `result`, where that was asked for."""


class Job(msgspec.Struct, kw_only=True, gc=False):
    """The state of one piece of work, in either mode; times are seconds since the epoch."""

    id: str
    verb: Verb
    model: str
    version: int | None
    status: Status
    created_s: float
    started_s: float | None = None
    finished_s: float | None = None
    result: msgspec.Raw | None = None
    failure: Failure | None = None
    attempts: int = 0
    """How often it was started."""
    place: int | None = None
    """Its place in the queue while it waits, from 1."""
    progress: float | None = None
    """How much of it is done while it runs, from 0 to 1."""
    alone: bool = False
    """Whether it shares no message with others."""
    numbers: Matrix | None = None
    """Predictions as they are, in place of `result`, where they were asked for and made in this process."""

    @property
    def finished(self) -> bool:
        """Whether the status is final."""
        return self.status in FINISHED


class Page(NamedTuple):
    """What of the list of jobs is asked for; `cursor` is what the page before ended with."""

    limit: int
    cursor: str | None = None
    status: str | None = None
    verb: str | None = None
    model: str | None = None

    @property
    def filtered(self) -> bool:
        """Whether some jobs are left out."""
        return (self.status, self.verb, self.model) != (None, None, None)

    def wants(self, job: Job) -> bool:
        """Whether a job belongs on the page."""
        return self.status in {None, job.status} and self.verb in {None, job.verb} and self.model in {None, job.model}


class Event(NamedTuple):
    """One line of what happened to a job: its number, and what as JSON."""

    seq: int
    data: bytes


class Envelope(msgspec.Struct, gc=False):
    """The answer to every verb in both modes; times are RFC 3339 in UTC."""

    id: str
    verb: Verb
    model: str
    version: int | None
    status: Status
    result: msgspec.Raw | None
    error: Problem | None
    created: Time
    started: Time | None
    finished: Time | None
    links: dict[str, str]
    attempts: int | msgspec.UnsetType = msgspec.UNSET
    """How often it was started, if more than once."""
    place: int | msgspec.UnsetType = msgspec.UNSET
    """Its place in the queue, from 1, while it waits."""
    progress: float | msgspec.UnsetType = msgspec.UNSET
    """How much of it is done, from 0 to 1, while it runs and its model tells."""


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
    """Return the work as MessagePack, arrays as their shape and bytes: the form in which the ledger keeps it."""
    return _encoder.encode(work)


def unpack(raw: bytes) -> Work:
    """Return the work that `pack` packed; raise msgspec.ValidationError for anything else."""
    return _decoder.decode(raw)
