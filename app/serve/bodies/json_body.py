"""JSON bodies: decoded and validated, with a pointer to the first wrong value."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import msgspec

from app.errors import Invalid, Malformed
from app.schemas.bodies import NO_JSON, Data, FitBody, PredictBody, Promote
from app.schemas.decoding import json_decoder
from app.schemas.media_types import JSON
from app.schemas.pointers import moved
from app.schemas.query import Query
from app.schemas.requests import GATE_ROWS, Gate, Request, Source
from app.schemas.verbs import VERBS, Verb
from app.serve.bodies.json_duplicates import count_members, refuse_duplicates
from app.serve.bodies.json_errors import not_json, wrong
from app.serve.bodies.json_outline import LARGE_BYTES, NO_ARRAYS, Arrays, outline
from app.serve.bodies.json_records import MEMBERS, JsonRecords, is_given
from app.serve.bodies.reader import Body, Reader

NO_QUERY: Query = {}
BOM = b"\xef\xbb\xbf"
UNICODE = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\0": "UTF-16 or UTF-32"}
_fit_decoder = json_decoder(FitBody)
_predict_decoder = json_decoder(PredictBody)


def parse_json(verb: Verb, body: Body, query: Query = NO_QUERY) -> Request:  # noqa: ARG001  see Reader
    """Decode a JSON body, an empty one as {}; raise Malformed, or Invalid with a pointer."""
    if len(body) > LARGE_BYTES:
        _as_utf8(bytes(body[:4]))
        text, arrays, position = outline(body, 2, MEMBERS)
    else:
        text, arrays, position = bytes(body), NO_ARRAYS, int
    if not text.startswith(b"{"):
        text = _as_utf8(text)
        if not text.strip():
            return Request()
    try:
        decoded = _fit_decoder.decode(text) if VERBS[verb].publishes else _predict_decoder.decode(text)
    except msgspec.ValidationError as error:
        raise wrong(text, error, position, kind=FitBody if VERBS[verb].publishes else PredictBody) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _as_utf8(text)
        raise not_json(text, error, position) from None
    given = decoded.data
    refuse_duplicates(text, partial(_members, decoded), () if given is None else (given.X, given.y))
    data, source = (None, None) if given is None else _data(given, arrays)
    return _request(decoded, data, source)


def _request(decoded: FitBody | PredictBody, data: JsonRecords | None, source: Source | None) -> Request:
    """Return the request of a decoded body and its data; raise Invalid where its members contradict each other."""
    request = Request(
        decoded.model,
        data=data,
        source=source,
        weight=decoded.weight,
        timeout=decoded.timeout,
        webhook=decoded.webhook,
    )
    if decoded.target:
        if data is None:
            raise Invalid.at("/target", "target needs X: it names columns of X")
        request.target = [decoded.target] if isinstance(decoded.target, str) else decoded.target
    if isinstance(decoded, FitBody):
        request.params, request.inputs, request.ignore = decoded.params, decoded.inputs, decoded.ignore
        request.estimator = decoded.estimator
        request.promote = None if decoded.promote is None else _gate(decoded.promote)
    else:
        request.version, request.keep, request.outputs = decoded.version, decoded.keep, decoded.outputs
        if isinstance(decoded.version, str):
            _check_alias(decoded.version)
    return request


def _as_utf8(text: bytes) -> bytes:
    """Return the text without a byte order mark; raise Malformed for another encoding (RFC 8259 §8.1)."""
    if text.startswith(BOM):
        return text[len(BOM) :]
    name = UNICODE.get(text[:2]) or (UNICODE[b"\0"] if b"\0" in text[:2] else None)
    if name:
        raise Malformed(f"the body is {name}; JSON is sent as UTF-8 (RFC 8259 §8.1)")
    return text


def _check_alias(version: str) -> None:
    """Refuse a number in a string: it would be read as an alias, and no alias is a number."""
    if re.fullmatch(r"[0-9]+", version):
        raise Invalid.at("/version", f'"{version[:20]}" is not an alias; write the number of a version without quotes')


def _members(decoded: FitBody | PredictBody) -> int:
    """Return the minimum number of members in the body, without those in X: all that differ from their defaults."""
    found = (decoded.model is not None) + (decoded.weight is not None) + (decoded.timeout is not None)
    found += bool(decoded.target)
    if decoded.webhook is not None:
        found += 2
    if isinstance(decoded, PredictBody):
        found += (decoded.version is not None) + bool(decoded.keep) + bool(decoded.outputs)
    elif decoded.params or decoded.ignore or decoded.inputs is not None or decoded.estimator is not None:
        found += decoded.estimator is not None
        found += _given(decoded.params) + bool(decoded.ignore) + (decoded.inputs is not None)
    if isinstance(decoded, FitBody) and decoded.promote is not None:
        found += 3
    if (data := decoded.data) is not None:
        found += 1 + (data.y != NO_JSON) + (data.columns is not None) + (data.sample_weight is not None)
        found += (data.source is not None) + (data.X != NO_JSON)
        if data.params:
            found += _given(data.params)
    return found


def _given(params: dict[str, Any]) -> int:
    return 1 + count_members(params) if params else 0


def _data(data: Data, arrays: Arrays) -> tuple[JsonRecords | None, Source | None]:
    """Return the given rows or source; raise Invalid unless there is exactly one of them."""
    has_X = is_given(data.X)
    if data.source is not None:
        if has_X or is_given(data.y) or (data.columns, data.sample_weight) != (None, None):
            raise Invalid.at("/data", "give either X or a source, not both")
        return None, Source(data.source, data.params)
    if not has_X:
        raise Invalid.at("/data", "give X, or the name of a source")
    if data.params:
        raise Invalid.at("/data/params", "params go with a source, not with X")
    return JsonRecords(data, arrays), None


def _gate(gate: Promote) -> Gate:
    """Return the gate of a fit; its rows are checked like those of `data`."""
    try:
        data, source = _data(gate.on, NO_ARRAYS)
    except Invalid as error:
        raise moved(error, "/data", GATE_ROWS) from None
    return Gate(gate.alias, gate.metric, gate.gain, data, source)


READER = Reader(JSON, "JSON", parse_json, with_query=False)
