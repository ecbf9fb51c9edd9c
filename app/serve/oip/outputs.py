"""The outputs of an inference: y as numbers or labels, and probabilities, in JSON or binary after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Annotated, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta

from app.errors import Invalid, NotAcceptable
from app.schemas.decoding import json_decoder
from app.schemas.jobs import Job
from app.schemas.parts import to_json
from app.schemas.requests import PROBABILITIES, Y
from app.schemas.tables import Targets
from app.schemas.tasks import Label, LabelKind
from app.serve.bodies.arrays import Array, output, predictions
from app.serve.oip.tensors import LENGTH_BYTES, Parameters, parameter

Datatype: TypeAlias = Literal["FP64", "INT64", "BOOL", "BYTES"]
ANY = {"type": "array", "items": {"type": ["number", "string", "boolean"]}}
LABELS: Mapping[LabelKind, Datatype] = {"text": "BYTES", "integer": "INT64", "boolean": "BOOL"}
"""The datatype of y for a classifier, by the kind of its labels."""
_decode_labels = json_decoder(list[Label]).decode
_decode_rows = json_decoder(Targets).decode


class RequestedOutput(msgspec.Struct):
    """An output that a request names."""

    name: str
    parameters: Parameters = None


class WantedOutput(NamedTuple):
    """An output of the response, and whether its values are binary, after the JSON."""

    name: str
    binary: bool


class Output(msgspec.Struct, omit_defaults=True):
    """An output."""

    name: str
    datatype: str
    shape: list[int]
    parameters: Parameters = None
    data: Annotated[msgspec.Raw, Meta(extra_json_schema=ANY)] | None = None


def wanted_outputs(
    requested: Sequence[RequestedOutput] | None, parameters: Parameters, known: Sequence[str]
) -> list[WantedOutput]:
    """Return the requested outputs, by default y; raise Invalid for one that the model does not have.

    The parameter of an output overrides that of the request.
    """
    binary = parameter(parameters, "binary_data_output", "") or False
    found: dict[str, WantedOutput] = {}
    for index, each in enumerate(requested or []):
        pointer, name = f"/outputs/{index}", each.name
        if name not in known or name in found:
            none = f"no output {name[:64]!r}, there is {', '.join(known)}"
            raise Invalid.at(f"{pointer}/name", f"{name} is requested twice" if name in found else none)
        for other in ("shared_memory_region", "classification"):
            if other in (each.parameters or {}):
                raise Invalid.at(f"{pointer}/parameters/{other}", f"outputs have no {other} here")
        own = parameter(each.parameters, "binary_data", pointer)
        found[name] = WantedOutput(name, binary if own is None else own)
    return list(found.values()) or [WantedOutput(Y, binary)]


def encoded_output(job: Job, wanted: WantedOutput, labels: LabelKind | None) -> tuple[Output, bytes | memoryview]:
    """Return an output of a job, and its bytes if it is binary; `labels` is the kind of a classifier's labels."""
    values = _values(job, wanted.name, labels)
    if isinstance(values, list):
        return _texts(values, binary=wanted.binary)
    datatype: Datatype = "FP64" if labels is None or wanted.name != Y else LABELS[labels]
    found = Output(wanted.name, datatype, list(values.shape))
    if wanted.binary:
        found.parameters = {"binary_data_size": values.nbytes}
        return found, values.reshape(-1).view(np.uint8).data
    found.data = to_json(values.reshape(-1))
    return found, b""


def _values(job: Job, name: str, labels: LabelKind | None) -> Array | list[str]:
    """Return the values of an output as an array, or texts as a list."""
    if labels is None:
        return np.ascontiguousarray(predictions(job), dtype="<f8")
    if name == PROBABILITIES:
        rows = chain.from_iterable(output(job, name, _decode_rows) or [])
        return np.array(list(rows), dtype="<f8")
    found = list(chain.from_iterable(output(job, name, _decode_labels) or []))
    if labels == "text":
        return found  # type: ignore[return-value]
    try:
        return np.array(found, dtype=np.bool_ if labels == "boolean" else "<i8")
    except OverflowError:
        raise NotAcceptable("a label of this model is too large for INT64; request it by the verb predict") from None


def _texts(texts: list[str], *, binary: bool) -> tuple[Output, bytes]:
    """Return y as texts; in binary each follows its length."""
    found = Output(Y, "BYTES", [len(texts)])
    if not binary:
        found.data = to_json(texts)
        return found, b""
    encoded = [text.encode() for text in texts]
    content = b"".join(part for text in encoded for part in (len(text).to_bytes(LENGTH_BYTES, "little"), text))
    found.parameters = {"binary_data_size": len(content)}
    return found, content
