"""The query of a request whose body holds data alone, such as CSV or npy."""

from __future__ import annotations

import csv
from typing import TypeAlias

import msgspec

from app.errors import Invalid
from app.schemas.requests import Request, Timeout, Webhook, parse_version
from app.schemas.verbs import VERBS, Verb

Values: TypeAlias = dict[str, str | list[str]]


def take_request(verb: Verb, query: Values) -> Request:
    """Take all that has a meaning for a verb out of the query; raise Invalid for a value that is not valid."""
    url, spec = _single("webhook", query), VERBS[verb]
    return Request(
        model=_single("model", query),
        version=parse_version(_single("version", query)),
        timeout=_timeout(_single("timeout", query)),
        webhook=None if url is None else Webhook(url),
        inputs=_names("inputs", query) if spec.publishes and "inputs" in query else None,
        ignore=_names("ignore", query) if spec.publishes else [],
        weight=_single("weight", query) if spec.needs_y else None,
        keep=[] if spec.needs_y else _names("keep", query),
    )


def _names(name: str, query: Values) -> list[str]:
    """Take names of columns out of the query: repeated, or with commas between them.

    A name with a comma or a line end is quoted; raise Invalid for a line end that is not.
    """
    given = query.pop(name, [])
    rows = csv.reader([given] if isinstance(given, str) else given, skipinitialspace=True)
    try:
        return [each.strip() for row in rows for each in row if each.strip()]
    except csv.Error:
        raise Invalid.at(f"/{name}", "the names of columns are one line; quote a name that holds a line end") from None


def _single(name: str, query: Values) -> str | None:
    value = query.pop(name, None)
    if isinstance(value, list):
        raise Invalid.at(f"/{name}", "given more than once")
    return value


def _timeout(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Timeout)
    except msgspec.DecodeError:
        raise Invalid.at("/timeout", "a timeout is a number of seconds, over 0") from None
