"""JSON bodies: decoded and validated in one pass, with a pointer to the first value that is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, cast

import msgspec
import numpy as np

from app.data.records import RowRecords, TableRecords
from app.errors import Invalid, Malformed
from app.schemas.media_types import JSON
from app.schemas.pointers import escaped, located
from app.schemas.requests import (
    Cell,
    Choice,
    Data,
    FitBody,
    Matrix,
    PredictBody,
    Request,
    Rows,
    Source,
    Table,
    Targets,
    Version,
)
from app.schemas.verbs import VERBS, Verb
from app.serve.bodies.reader import Body, Reader

FEW_ROWS = 16  # up to here np.array is the faster way
POINTER_BYTES = 1_000_000  # how far into a malformed body a pointer is worked out
NULL = msgspec.Raw(b"null")
_fit_decoder = msgspec.json.Decoder(FitBody)
_predict_decoder = msgspec.json.Decoder(PredictBody)
_numbers_decoder = msgspec.json.Decoder(list[list[float] | dict[str, float]])
_cells_decoder = msgspec.json.Decoder(Rows)


def parse_json(verb: Verb, body: Body) -> Request:
    """Decode a JSON body, an empty one as {}; raise Malformed, or Invalid with a pointer."""
    body = bytes(body)
    if not body.strip():
        return Request()
    try:
        decoded = _fit_decoder.decode(body) if VERBS[verb].publishes else _predict_decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _wrong(body, error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_json(body, error) from None
    request = Request(model=decoded.model, timeout=decoded.timeout, webhook=decoded.webhook, weight=decoded.weight)
    if isinstance(decoded, FitBody):
        request.params, request.inputs, request.ignore = decoded.params, decoded.inputs, decoded.ignore
    else:
        request.version, request.keep = _version(decoded.version), decoded.keep
    if decoded.data is not None:
        _take_data(request, decoded.data)
    return request


def _version(version: Version | None) -> Version | None:
    """Refuse a number that is written as a string: it would be read as an alias, and no alias is a number."""
    if isinstance(version, str) and re.fullmatch(r"[0-9]+", version):
        raise Invalid.at("/version", f'"{version[:20]}" is not an alias; write the number of a version without quotes')
    return version


def _take_data(request: Request, data: Data) -> None:
    has_X = bool(memoryview(data.X)) and data.X != NULL
    if data.source is not None:
        if has_X or (data.y, data.columns, data.sample_weight) != (None, None, None):
            raise Invalid.at("/data", "give either X or a source, not both")
        request.source = Source(data.source, data.params)
    elif not has_X:
        raise Invalid.at("/data", "give X, or the name of a source")
    elif data.params:
        raise Invalid.at("/data/params", "params go with a source, not with X")
    else:
        request.data = JsonRecords(data)


class JsonRecords:
    """The member `data` of a body; its rows are decoded when they are read."""

    def __init__(self, data: Data) -> None:
        self._data = data

    def read(self, choice: Choice) -> Table:
        """Return the chosen columns; raise Invalid, or Malformed."""
        data = self._data
        try:
            rows, numeric = self._decoded()
        except msgspec.ValidationError as error:
            raise located(error, bytes(data.X), "/data/X") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _not_json(bytes(data.X), error) from None
        lists, names, pointer, steps = self._named(rows)
        y = None if data.y is None else _outputs(data.y)
        weight = None if data.sample_weight is None else np.array(data.sample_weight, np.float64)
        if numeric:
            return TableRecords(Table(_matrix(lists, steps), y, names, weight=weight), pointer).read(choice)
        return RowRecords(lists, names, pointer, steps, y, weight).read(choice)

    def _decoded(self) -> tuple[Rows, bool]:
        """Return the rows, and whether they hold numbers alone: those are decoded in a fifth less time."""
        with suppress(msgspec.ValidationError):
            return cast("Rows", _numbers_decoder.decode(self._data.X)), True
        return _cells_decoder.decode(self._data.X), False

    def _named(self, rows: Rows) -> tuple[list[list[Cell]], list[str] | None, str, Sequence[str | int]]:
        """Return the rows as lists, their names and the pointer to these, and the last step to each cell."""
        if not rows:
            raise Invalid.at("/data/X", "X is empty; it needs at least one row")
        names, pointer = self._data.columns, "/data/columns"
        if _all_are(dict, rows, "/data/X"):
            if names is None:
                names, pointer = list(cast("dict[str, Cell]", rows[0])), "/data/X/0"
            _check_names(names, len(names), pointer)
            return _in_order(cast("list[dict[str, Cell]]", rows), names), names, pointer, names
        lists = cast("list[list[Cell]]", rows)
        width = _width(lists, "/data/X")
        if names is not None:
            _check_names(names, width, pointer)
        return lists, names, pointer, range(width)


def _check_names(names: list[str], width: int, pointer: str) -> None:
    if len(names) != width:
        raise Invalid.at(pointer, f"{len(names)} names for {width} {'column' if width == 1 else 'columns'}")
    seen: set[str] = set()
    for position, name in enumerate(names):
        if not name or name in seen:
            fault = f"the name {name[:64]!r} is given twice" if name else "a column has an empty name"
            raise Invalid.at(f"{pointer}/{position}", fault)
        seen.add(name)


def _outputs(y: Targets) -> Matrix:
    if not y:
        raise Invalid.at("/data/y", "y is empty")
    if _all_are(list, y, "/data/y"):
        rows = cast("list[list[Cell]]", y)
        return _matrix(rows, range(_width(rows, "/data/y")))
    return np.array(y, dtype=np.float64)


def _all_are(kind: type, items: Sequence[object], pointer: str) -> bool:
    """Whether the items are of a kind, all or none; raise Invalid when only some are."""
    first = type(items[0])
    if len(items) > 1 and len(set(map(type, items))) > 1:
        index = next(i for i, item in enumerate(items) if type(item) is not first)
        fault = "this item is not of the same kind as the first one (array, object or number)"
        raise Invalid.at(f"{pointer}/{index}", fault)
    return first is kind


def _in_order(rows: list[dict[str, Cell]], names: list[str]) -> list[list[Cell]]:
    """Return the cells of named rows in the order of the names."""
    expected = set(names)
    for index, row in enumerate(rows):
        if row.keys() != expected:
            odd = ", ".join(sorted(expected.symmetric_difference(row)))[:200]
            raise Invalid.at(f"/data/X/{index}", f"the row's names are not those expected; they differ in {odd}")
    return [[row[name] for name in names] for row in rows]


def _width(rows: Sequence[Sequence[Cell]], pointer: str) -> int:
    """Return the number of cells that every row has; raise Invalid."""
    width = len(rows[0])
    if not width:
        raise Invalid.at(f"{pointer}/0", "the row is empty")
    if len(rows) > 1 and set(map(len, rows)) != {width}:
        index = next(i for i, row in enumerate(rows) if len(row) != width)
        raise Invalid.at(f"{pointer}/{index}", f"the row has {len(rows[index])} values, the first has {width}")
    return width


def _matrix(rows: Sequence[Sequence[Cell]], steps: Sequence[object]) -> Matrix:
    """Return rows of equal length as an array; the decoder has seen to it that all values are finite numbers."""
    if len(rows) < FEW_ROWS:
        return np.array(rows, dtype=np.float64)
    numbers = cast("Iterator[float]", chain.from_iterable(rows))
    return np.fromiter(numbers, np.float64, count=len(rows) * len(steps)).reshape(len(rows), len(steps))


def _wrong(body: bytes, error: msgspec.ValidationError) -> Invalid | Malformed:
    """Return the error with its pointer, unless the body isn't JSON further on: the decoder stopped before that."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
        return located(error, body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as malformed:
        return _not_json(body, malformed)


def _not_json(body: bytes, error: Exception) -> Malformed:
    """Say where the body stops being JSON, with a pointer when it is a NaN or an Infinity that spoils it."""
    at = re.search(r"\(byte (\d+)\)", str(error))
    if at and int(at[1]) < POINTER_BYTES and (word := re.match(rb"NaN|Infinity", body[int(at[1]) :])):
        detail = f"{word[0].decode()} is not JSON (RFC 8259 §6); every number must be finite"
        try:
            return Malformed.at(_pointer_to(body, int(at[1])), detail)
        except (msgspec.DecodeError, UnicodeDecodeError) as spoilt:  # an unknown member's name, which nobody read
            error = spoilt
    if isinstance(error, RecursionError):
        return Malformed("the JSON is nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return Malformed("the body is not UTF-8")
    return Malformed(f"the body is not JSON: {error}")


def _pointer_to(body: bytes, position: int) -> str:
    """Return the JSON pointer to the value that starts at `position`, all before it being well formed."""
    keys: list[Any] = []
    last = b""
    for token in re.finditer(rb'"(?:[^"\\]|\\.)*"|[\[\]{},:]', body[:position]):
        match token[0]:
            case b"[":
                keys.append(0)
            case b"{":
                keys.append("")
            case b"]" | b"}":
                keys.pop()
            case b"," if isinstance(keys[-1], int):
                keys[-1] += 1
            case b":":
                keys[-1] = msgspec.json.decode(last, type=str)
            case text if text.startswith(b'"'):
                last = text
    return "".join(map(escaped, keys))


READER = Reader(JSON, "JSON", lambda verb, body, _: parse_json(verb, body), with_query=False)
