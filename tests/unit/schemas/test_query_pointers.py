"""Errors about members of a query name these, not the members of JSON that say the same."""

import pytest

from app.errors import Fault, Invalid
from app.schemas.query import located_in_query


@pytest.mark.parametrize(
    ("in_json", "in_query"),
    [
        ("/params/degree", "/degree"),
        ("/params/layers/0", "/layers/0"),
        ("/params", ""),
        ("/webhook/url", "/webhook"),
        ("/promote/alias", "/promote"),
        ("/promote/metric", "/promote_metric"),
        ("/promote/on/source", "/promote_source"),
        ("/promote/on/params/kind", "/promote_source"),
        ("/promote/on", "/promote_on"),
        ("/promote/on/X/1/0", "/promote_on/X/1/0"),
        ("/promote/only", "/promote/only"),
        ("/promote_on", "/promote_on"),
        ("/parameters", "/parameters"),
        ("/data/X/1/0", "/data/X/1/0"),
        ("", ""),
    ],
)
def test_a_pointer_names_what_was_sent(in_json: str, in_query: str) -> None:
    found = located_in_query(Invalid("two", Fault(in_json, "one"), Fault("/target", "other")))
    assert (found.detail, found.faults) == ("two", [Fault(in_query, "one"), Fault("/target", "other")])
