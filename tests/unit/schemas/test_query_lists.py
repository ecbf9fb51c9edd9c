"""Members of a query that are lists: repeated, or with commas between their values."""

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from app.schemas.query import with_lists


class Options(msgspec.Struct):
    tags: list[str] | None = None
    sizes: Annotated[list[int], Meta(max_length=3)] = msgspec.field(default_factory=list)
    checklist: str = ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"tags": "a, b"}, {"tags": ["a", "b"]}),
        ({"tags": '"a,b",c'}, {"tags": ["a,b", "c"]}),
        ({"tags": ["a,b", "c"]}, {"tags": ["a,b", "c"]}),
        ({"sizes": "1,2"}, {"sizes": ["1", "2"]}),
        ({"checklist": "a,b", "unknown": "a,b"}, {"checklist": "a,b", "unknown": "a,b"}),
    ],
)
def test_members_that_are_lists_are_split_and_no_others(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert with_lists(Options, given) == expected
