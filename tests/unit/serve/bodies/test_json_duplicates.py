"""Members that are given twice are refused with a pointer, and all others are not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Malformed
from app.serve.bodies.json_duplicates import count_members, refuse_duplicates

TEXTS = st.sampled_from(["a", "b", "ab:", 'a"', 'x":', "\\", "é", " :"])
LEAVES = st.none() | st.integers() | TEXTS


def _written(value: Any, space: str) -> str:
    """Lists of pairs as objects, which may have a member twice."""
    if isinstance(value, list):
        members = (f"{json.dumps(key)}{space}:{_written(item, space)}" for key, item in value)
        return "{" + ",".join(members) + "}"
    return f"[{_written(value[0], space)}]" if isinstance(value, tuple) else json.dumps(value)


def _has_twice(value: Any) -> bool:
    if isinstance(value, list):
        return len({key for key, _ in value}) < len(value) or any(_has_twice(item) for _, item in value)
    return isinstance(value, tuple) and _has_twice(value[0])


def _refused(text: bytes) -> list[str] | None:
    try:
        refuse_duplicates(text, lambda: count_members(json.loads(text)))
    except Malformed as error:
        return error.pointers
    return None


OBJECTS = st.recursive(LEAVES, lambda inner: st.lists(st.tuples(TEXTS, inner), max_size=4) | st.tuples(inner))


@given(OBJECTS, st.sampled_from(["", " ", "\n\t"]), st.sampled_from([0, 2000]))
def test_exactly_those_documents_are_refused(value: Any, space: str, padding: int) -> None:
    """Whatever the names hold, and whatever stands between a name and its colon."""
    text = f"[{_written(value, space)},{json.dumps('p' * padding)}]".encode()
    assert (_refused(text) is not None) is _has_twice(value)


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        (b'{"a": 1, "a": 1}', "/a"),
        (b'{"a": 1, "\\u0061": 1}', "/a"),
        (b'{"b": [{"c": 1}, {"c": {"a/b": 1, "x": 2, "a/b" : 3}}]}', "/b/1/c/a~1b"),
    ],
)
def test_the_pointer_leads_to_the_member(text: bytes, pointer: str) -> None:
    """Escaped as RFC 6901 says."""
    assert _refused(text) == [pointer]
