"""Inference requests and responses: JSON, followed by binary tensors if requested."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from app.data.records import ColumnRecords, TableRecords
from app.errors import Invalid, Malformed
from app.schemas.decoding import json_decoder
from app.schemas.jobs import Job
from app.schemas.pointers import located
from app.schemas.requests import Y
from app.schemas.tasks import LabelKind
from app.schemas.wording import counted
from app.serve.bodies.json_duplicates import count_members, refuse_duplicates
from app.serve.bodies.json_outline import LARGE_BYTES, NO_ARRAYS, Arrays, outline
from app.serve.bodies.reader import Body
from app.serve.oip.inputs import read_records
from app.serve.oip.outputs import Output, RequestedOutput, WantedOutput, encoded_output, wanted_outputs
from app.serve.oip.tensors import Parameters, Tensor

BINARY = "application/octet-stream"
HEADER = "Inference-Header-Content-Length"
MAX_DIGITS = 18
DATA_DEPTH = 4
DATA = re.compile(r"/inputs/\d+/data")  # the long arrays of a request


class InferenceRequest(msgspec.Struct):
    """The JSON of a request; members that are not in the protocol are ignored."""

    inputs: Annotated[list[Tensor], Meta(min_length=1)]
    id: str | None = None
    parameters: Parameters = None
    outputs: list[RequestedOutput] | None = None


class InferenceResponse(msgspec.Struct, omit_defaults=True):
    """The JSON of a response."""

    model_name: str
    model_version: str
    outputs: list[Output]
    id: str | None = None


class InferInput(NamedTuple):
    """A request: its id, the rows to predict, the requested outputs, and the kind of a classifier's labels."""

    id: str | None
    records: TableRecords | ColumnRecords
    outputs: list[WantedOutput]
    labels: LabelKind | None = None

    @property
    def binary(self) -> bool:
        """Whether all outputs are binary, after the JSON."""
        return all(each.binary for each in self.outputs)


_decoder = json_decoder(InferenceRequest)


def read_request(
    body: Body,
    json_length: str | None,
    max_inputs: int,
    known: Sequence[str] = (Y,),
    labels: LabelKind | None = None,
) -> InferInput:
    """Read a body whose JSON ends after `json_length` bytes; raise Malformed, or Invalid with a pointer.

    `known` are the outputs of the model; `labels` is the kind of y's labels, None for numbers.
    """
    view = memoryview(body)
    json_bytes = None if json_length is None else _json_bytes(json_length, len(view))
    request, arrays = _decoded(view[:json_bytes])
    if len(request.inputs) > max_inputs:
        most = counted(max_inputs, "column")
        raise Invalid.at("/inputs", f"{counted(len(request.inputs), 'input')}, the model has at most {most}")
    outputs = wanted_outputs(request.outputs, request.parameters, known)
    records = read_records(request.inputs, arrays, None if json_bytes is None else view[json_bytes:])
    return InferInput(request.id, records, outputs, labels)


def response(job: Job, request: InferInput) -> tuple[bytes, int | None]:
    """Return the response to a job, and how many bytes of it are JSON, None if all are."""
    found = [encoded_output(job, each, request.labels) for each in request.outputs]
    outputs, contents = [each for each, _ in found], [content for _, content in found]
    text = msgspec.json.encode(InferenceResponse(job.model, str(job.version or 0), outputs, request.id))
    return (b"".join((text, *contents)), len(text)) if any(each.binary for each in request.outputs) else (text, None)


def _json_bytes(text: str, body_bytes: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and int(text) <= body_bytes):
        expected = f"it must be the number of bytes of JSON, at most the {body_bytes} of the body"
        raise Malformed(f"{HEADER} is {text[:32]!r}; {expected}")
    return int(text)


def _decoded(body: memoryview) -> tuple[InferenceRequest, Arrays]:
    """Return the request, and the long arrays whose values are not in it."""
    text, arrays = bytes(body[:LARGE_BYTES]), NO_ARRAYS
    if len(body) > LARGE_BYTES:
        text, arrays, _ = outline(body, DATA_DEPTH, DATA)
    try:
        request = _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise located(error, text, kind=InferenceRequest) from None
    except RecursionError:
        raise Malformed("the JSON is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        advice = f"if binary data follows, {HEADER} is the length of the JSON"
        raise Malformed(f"the request is not JSON: {error}; {advice}") from None
    data = [tensor.data for tensor in request.inputs if tensor.data is not msgspec.UNSET]
    refuse_duplicates(text, partial(_members, request), data)
    return request, arrays


def _members(request: InferenceRequest) -> int:
    """Return the minimum number of members in the request, without those in the data of tensors."""
    found = 1 + (request.id is not None) + (request.outputs is not None)
    named: list[Tensor | RequestedOutput] = [*request.inputs, *(request.outputs or [])]
    found += sum(4 if isinstance(each, Tensor) else 1 for each in named)
    for parameters in (request.parameters, *(each.parameters for each in named)):
        if parameters is not None:
            found += 1 + count_members(parameters)
    return found - sum(tensor.data is msgspec.UNSET for tensor in request.inputs)
