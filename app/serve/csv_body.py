"""CSV bodies: the table is the body, all else (model, target, version, timeout, parameters) is in the query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from app.data.table import read_csv
from app.errors import Invalid
from app.pointers import escaped
from app.schemas import Request, Timeout, Verb, Version, Webhook


def parse_csv(verb: Verb, body: bytes, query: Mapping[str, str | list[str]]) -> Request:
    """Read the table from the body and all else from the query; what has no meaning here is the model's parameter."""
    rest = dict(query)
    target = rest.pop("target", [])
    target = [target] if isinstance(target, str) else target
    model = _single("model", rest.pop("model", None))
    version = _single("version", rest.pop("version", None))
    timeout = _timeout(_single("timeout", rest.pop("timeout", None)))
    url = _single("webhook", rest.pop("webhook", None))
    if verb == "fit" and version is not None:
        raise Invalid.at("/version", "a fit makes a new version")
    if verb != "fit" and rest:
        raise Invalid.at(escaped(next(iter(rest))), "unknown query parameter")
    if verb == "fit" and not target:
        raise Invalid.at("/target", "name the column to predict, ?target=…")
    table = read_csv(body, target)
    params = {key: _loose(value) for key, value in rest.items()}
    webhook = None if url is None else Webhook(url)
    return Request(model, _version(version), params, table, timeout=timeout, webhook=webhook)


def _single(name: str, value: str | list[str] | None) -> str | None:
    if isinstance(value, list):
        raise Invalid.at(f"/{name}", "given more than once")
    return value


def _version(text: str | None) -> Version | None:
    return int(text) if text is not None and re.fullmatch(r"[1-9]\d{0,8}", text) else text


def _timeout(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Timeout)
    except msgspec.DecodeError:
        raise Invalid.at("/timeout", "a timeout is a number of seconds, over 0") from None


def _loose(value: str | list[str]) -> Any:
    """Return what JSON makes of a query parameter: a number, a truth value, or text as it stands."""
    try:
        return msgspec.json.decode(value) if isinstance(value, str) else [_loose(item) for item in value]
    except (msgspec.DecodeError, RecursionError):
        return value
