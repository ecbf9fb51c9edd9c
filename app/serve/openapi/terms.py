"""The words in which a route says what it takes and what it may answer.

Schemas are types: a msgspec Struct, or whatever else msgspec has a schema for; or a JSON Schema where there is no type.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from app.schemas.problems import Problem, ProtocolError

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"
PROBLEM = "application/problem+json"

Schema: TypeAlias = Any
Contents: TypeAlias = Mapping[str, Schema]
BYTES: Schema = {"type": "string", "format": "binary"}
NOTHING: Mapping[Any, Any] = MappingProxyType({})


class RequestBody(NamedTuple):
    """What a route reads: the schema for each media type, and examples that work when they are sent."""

    contents: Contents
    examples: Mapping[str, Any] = NOTHING
    """By media type. The one of JSON is the route's `data` where it has some."""
    required: bool = True


class Parameter(NamedTuple):
    """A value in the query, the path or the head; those of the path are always required."""

    name: str
    schema: Schema
    description: str
    where: Literal["query", "path", "header"] = "query"
    example: Any = None
    examples: Mapping[str, Any] = NOTHING
    """Several, by name; the one named csv goes with a body in CSV."""
    required: bool = False


class ResponseSpec(NamedTuple):
    """One possible answer in a sentence, the schema for each of its media types (None: a body of any kind), headers."""

    description: str
    contents: Contents = NOTHING
    headers: Mapping[str, str] = NOTHING
    links: Mapping[str, Any] = NOTHING
    """Where the answer leads: OpenAPI's link objects by name."""


ResponseSpecs: TypeAlias = Mapping[int, ResponseSpec]


def problem_response(description: str, headers: Mapping[str, str] = NOTHING) -> ResponseSpec:
    """Return an answer that is a problem document."""
    return ResponseSpec(description, {PROBLEM: Problem}, headers)


def protocol_error_response(description: str, headers: Mapping[str, str] = NOTHING) -> ResponseSpec:
    """Return an answer in the form of the Open Inference Protocol, which every refusal below /v2 has."""
    return ResponseSpec(description, {JSON: ProtocolError}, headers)
