"""The outline of a JSON document: with its long arrays put back it is the document, wherever these are cut."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid, Malformed
from app.serve.bodies.json_outline import BLOCK_BYTES, MAX_ITEM_BYTES, MAX_REST_BYTES, outline

ANY = re.compile(".*", re.DOTALL)
TEXTS = st.text('ab[]{},:"\\é \n', max_size=6)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXTS, inner, max_size=4))
LAYOUTS = st.sampled_from([{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}])


def _step(container: Any, key: str) -> Any:
    return int(key) if isinstance(container, list) else key.replace("~1", "/").replace("~0", "~")


@given(st.dictionaries(TEXTS, VALUES, max_size=4), LAYOUTS, st.integers(3, 40))
def test_the_parts_make_the_document(document: dict[str, Any], layout: dict[str, Any], block_bytes: int) -> None:
    """Texts may hold brackets, commas, quotes and backslashes, and a block may end anywhere."""
    text = json.dumps(document, **layout).encode()
    found = outline(text, 2, ANY, block_bytes)
    rest = json.loads(found.text)
    for pointer, pieces in found.arrays.items():
        items = []
        for piece in pieces:
            assert text[piece.start : piece.start + len(piece.text)] == piece.text
            items += json.loads(b"[" + bytes(piece.text) + b"]")
        container: Any = rest
        *keys, last = pointer.split("/")[1:]
        for key in keys:
            container = container[_step(container, key)]
        assert container[_step(container, last)] == []
        container[_step(container, last)] = items
    assert rest == document


def test_pieces_are_short_however_many_rows_there_are() -> None:
    """So that no call of the decoder takes long."""
    text = b'{"data": {"X": [[1]' + b",[1]" * 500_000 + b"]}}"
    (pieces,) = outline(text, 2, ANY).arrays.values()
    assert max(len(piece.text) for piece in pieces) <= 2 * BLOCK_BYTES


def test_a_position_is_that_in_the_document() -> None:
    """Behind an array that was taken out, too."""
    text = b'{"a": [' + b"1, " * 50 + b'2], "b": oops}'
    found = outline(text, 2, ANY, 16)
    assert found.text == b'{"a": [], "b": oops}'
    assert [found.position(found.text.index(word)) for word in (b'"a"', b"oops")] == [1, text.index(b"oops")]


@pytest.mark.parametrize(
    ("body", "error", "pointer"),
    [
        (b'{"model": "' + b"a" * MAX_REST_BYTES + b'"}', Invalid, ["/model"]),
        (b'{"a": {"b": 1' + b', "c": 2' * MAX_REST_BYTES + b"}}", Invalid, ["/a"]),
        (b'{"a": [["' + b"a," * MAX_ITEM_BYTES + b'"]]}', Invalid, ["/a"]),
        (b'{"a": ' + b"[" * 10_000, Malformed, []),
        (b'{"a": [' + b"1," * 100_000, Malformed, []),
        (b'{"a": [' + b"1," * 100_000 + b"1}}", Malformed, []),
        (b"}" * 100_000 + b"[" * 200_000, Malformed, []),
    ],
    ids=["a long text", "many members", "a long item", "depth", "no end", "another bracket", "only closed"],
)
def test_what_cannot_be_cut_is_refused(body: bytes, error: type[Exception], pointer: list[str]) -> None:
    """In bounded time, with a pointer to the member."""
    with pytest.raises(error) as caught:
        outline(body, 2, ANY)
    assert caught.value.pointers == pointer  # type: ignore[attr-defined]
