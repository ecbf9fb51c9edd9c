"""The query of a request as a struct, for routes of applications: its fields are the parameters."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Meta, Struct

from app.schemas.decoding import convert
from app.schemas.query import Query
from app.serve.openapi.parts import Parameter
from app.service.sources import check_params

S = TypeVar("S", bound=Struct)


def query_parameters(kind: type[Struct]) -> tuple[Parameter, ...]:
    """Return the parameters of a route whose query is such a struct; `Meta(description=…)` of a field describes it."""
    return tuple(
        Parameter(field.encode_name, field.type, _description(field.type)) for field in msgspec.structs.fields(kind)
    )


def read_query(query: Query, kind: type[S]) -> S:
    """Return the query of a request as a struct; raise Invalid for a value that is not valid."""
    return convert(check_params(kind, query, "", strict=False), kind)


def _description(kind: object) -> str:
    metas = [each for each in getattr(kind, "__metadata__", ()) if isinstance(each, Meta)]
    return next((meta.description for meta in metas if meta.description), "")
