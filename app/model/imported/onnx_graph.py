"""Reads facts about an ONNX file from its protocol buffers before the runtime reads it (onnx.proto)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple, NoReturn, TypeAlias

from app.errors import Invalid
from app.model.imported.approval import approval
from app.schemas.tasks import Label

MAX_DEPTH = 100
MAX_FIELDS = 5_000_000
STANDARD_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
Field: TypeAlias = tuple[int, int | memoryview]

# Numbers of fields that lead to other messages, by the kind of message.
_MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 9: "opset"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "opset": {},
    "tensor": {},
}
_DOMAIN = {"opset": 1, "node": 7, "function": 10}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_OPERATOR = 4
_NAME, _STRING, _INTS, _STRINGS = 1, 4, 8, 9
_TEXT_ATTRIBUTE = b"string"  # within the name of each that holds texts for rows, such as `values_strings`
_VARINT_BYTES = 10
_TENSOR_TYPE, _TENSOR_TEXTS, _TENSOR_NAME, _TENSOR_RAW, _TENSOR_INTS = 2, 6, 8, 9, (5, 7)
_INT32_TENSOR, _INT64_TENSOR, _TEXT_TENSOR = 6, 7, 8
_CLASSES = re.compile(r"classes\d*")
INLINE_BYTES = 15
"""A text of up to so many bytes lies within the tensor itself, a longer one beside it (std::string of libstdc++)."""
_INT_LABELS, _TEXT_LABELS = {b"classlabels_int64s", b"classlabels_ints"}, {b"classlabels_strings"}


class OnnxGraph(NamedTuple):
    """Facts about a graph."""

    labels: list[Label] | None
    """The labels of one of its nodes; None if no node has labels."""
    operators: frozenset[bytes] = frozenset()
    """The names of its operators."""
    has_long_texts: bool = False
    """Whether it has texts longer than INLINE_BYTES, which it may return for rows."""


def read_graph(content: bytes, approved_domains: Collection[str] = ()) -> OnnxGraph:
    """Return the facts about a file; raise Invalid for data in other files, unknown operators, or damage."""
    labels: list[Label] | None = None
    fields = 0
    waiting: list[tuple[str, memoryview, int]] = [("model", memoryview(content), 0)]
    domains: set[str] = set()
    operators: set[bytes] = set()
    has_long_texts = False
    while waiting:
        kind, raw, depth = waiting.pop()
        if depth > MAX_DEPTH:
            _refuse(f"its graphs are nested more than {MAX_DEPTH} deep")
        found = list(_fields(raw))
        fields += len(found)
        if fields > MAX_FIELDS:
            _refuse(f"it has more than {MAX_FIELDS} fields")
        for number, value in found:
            if isinstance(value, memoryview) and (inner := _MESSAGES[kind].get(number)):
                waiting.append((inner, value, depth + 1))
            elif number == _DOMAIN.get(kind) and isinstance(value, memoryview):
                domains.add(bytes(value).decode("utf-8", "replace"))
            elif kind == "tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value)):
                _refuse("it keeps its data in other files; write it with all data inside")
        operators |= _operators(kind, found)
        has_long_texts = has_long_texts or any(len(text) > INLINE_BYTES for text in _texts(kind, found))
        if kind in _LABELS:
            labels = _LABELS[kind](found) or labels
    if foreign := sorted(domains - STANDARD_DOMAINS - set(approved_domains)):
        _refuse(f"it uses operators of {', '.join(foreign)[:200]}, which are no standard ones; {approval(foreign)}")
    return OnnxGraph(labels, frozenset(operators), has_long_texts)


def _operators(kind: str, found: list[Field]) -> set[bytes]:
    """Return the name of a node's operator."""
    if kind != "node":
        return set()
    return {bytes(value) for number, value in found if number == _OPERATOR and not isinstance(value, int)}


def _texts(kind: str, found: list[Field]) -> Iterator[memoryview]:
    """Yield the texts that a tensor or an attribute holds for rows."""
    parts = dict(found)
    name = parts.get(_NAME, b"")
    if kind == "tensor" and parts.get(_TENSOR_TYPE) == _TEXT_TENSOR:
        numbers = {_TENSOR_TEXTS}
    elif kind == "attribute" and not isinstance(name, int) and _TEXT_ATTRIBUTE in bytes(name):
        numbers = {_STRING, _STRINGS}
    else:
        return
    for number, value in found:
        if number in numbers and not isinstance(value, int):
            yield value


def _labels(attribute: list[Field]) -> list[Label] | None:
    """Return the labels in an attribute, if it is one of those that hold labels."""
    name = next((bytes(value) for number, value in attribute if number == _NAME and not isinstance(value, int)), b"")
    if name in _TEXT_LABELS:
        texts = [bytes(value) for number, value in attribute if number == _STRINGS and not isinstance(value, int)]
        return [text.decode("utf-8", "surrogateescape") for text in texts] or None
    if name in _INT_LABELS:
        return [each for number, value in attribute if number == _INTS for each in _integers(value)] or None
    return None


def _tensor_labels(tensor: list[Field]) -> list[Label] | None:
    """Return the labels in a tensor of the name that converters give to those of a classifier, `classes`."""
    parts = dict(tensor)
    name = parts.get(_TENSOR_NAME, b"")
    if isinstance(name, int) or not _CLASSES.fullmatch(bytes(name).decode("utf-8", "replace")):
        return None
    if parts.get(_TENSOR_TYPE) == _TEXT_TENSOR:
        texts = [bytes(value) for number, value in tensor if number == _TENSOR_TEXTS and not isinstance(value, int)]
        return [text.decode("utf-8", "surrogateescape") for text in texts] or None
    if (raw := parts.get(_TENSOR_RAW)) is not None and not isinstance(raw, int):
        width = {_INT32_TENSOR: 4, _INT64_TENSOR: 8}.get(int(parts.get(_TENSOR_TYPE, 0)), 0)
        steps = range(0, len(raw), width) if width and len(raw) % width == 0 else ()
        return [int.from_bytes(raw[at : at + width], "little", signed=True) for at in steps] or None
    return [each for number, value in tensor if number in _TENSOR_INTS for each in _integers(value)] or None


_LABELS: dict[str, Callable[[list[Field]], list[Label] | None]] = {"attribute": _labels, "tensor": _tensor_labels}


def _integers(value: int | memoryview) -> Iterator[int]:
    """Yield int64s, which come one by one or packed."""
    if isinstance(value, int):
        yield _signed(value)
        return
    at = 0
    while at < len(value):
        number, at = _varint(value, at)
        yield _signed(number)


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number


def _fields(raw: memoryview) -> Iterator[Field]:
    """Yield the fields of a message: numbers as numbers, all else as bytes (encoding.md of Protocol Buffers)."""
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(raw, at)
            yield number, value
            continue
        if wire == 2:  # noqa: PLR2004  with a length
            length, at = _varint(raw, at)
        elif wire in {1, 5}:
            length = 8 if wire == 1 else 4
        else:
            _refuse("it is damaged")
        if number == 0 or at + length > len(raw):
            _refuse("it is cut off or damaged")
        yield number, raw[at : at + length]
        at += length


def _varint(raw: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for position, byte in enumerate(raw[at : at + _VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * position
        if byte < 0x80:  # noqa: PLR2004  no more bytes follow
            return value, at + position + 1
    return _refuse("it is cut off or damaged")


def _refuse(what: str) -> NoReturn:
    raise Invalid.at("/file", f"this ONNX file cannot be taken: {what}")
