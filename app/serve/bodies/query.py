"""The query of a request whose body has only data, such as CSV or npy."""

from __future__ import annotations

import msgspec

from app.errors import Invalid
from app.schemas.decoding import decode_json
from app.schemas.query import OpenQuery, split, take_all, take_one
from app.schemas.requests import Gain, Gate, Request, Source, Timeout, Webhook, parse_version
from app.schemas.verbs import VERBS, Verb

GATE_MEMBERS = frozenset({"promote_metric", "promote_gain", "promote_source"})


def take_request(verb: Verb, query: OpenQuery) -> Request:
    """Take all members of a verb out of the query; raise Invalid for a value that is not valid."""
    url, spec = take_one(query, "webhook"), VERBS[verb]
    return Request(
        model=take_one(query, "model"),
        estimator=take_one(query, "estimator") if spec.publishes else None,
        promote=_gate(query) if spec.publishes else None,
        version=parse_version(take_one(query, "version")),
        timeout=_timeout(take_one(query, "timeout")),
        webhook=None if url is None else Webhook(url),
        inputs=take_names(query, "inputs") if spec.publishes and "inputs" in query else None,
        ignore=take_names(query, "ignore") if spec.publishes else [],
        weight=take_one(query, "weight") if spec.needs_y else None,
        keep=[] if spec.needs_y else take_names(query, "keep"),
        outputs=[] if spec.needs_y else take_names(query, "outputs"),
    )


def take_file_request(verb: Verb, query: OpenQuery) -> Request:
    """Take all members of a request with a file except its options; raise Invalid for a value that is not valid."""
    url, spec = take_one(query, "webhook"), VERBS[verb]
    return Request(
        model=take_one(query, "model"),
        estimator=take_one(query, "estimator") if spec.publishes else None,
        promote=_gate(query) if spec.publishes else None,
        version=None if spec.publishes else parse_version(take_one(query, "version")),
        timeout=_timeout(take_one(query, "timeout")),
        webhook=None if url is None else Webhook(url),
    )


def check_named(request: Request, name: str | None) -> None:
    """Raise Invalid if a request names another model than its path, which has `name`."""
    if name is not None and request.model not in {None, name}:
        raise Invalid.at("/model", f"the path names model {name[:64]!r}, the body {(request.model or '')[:64]!r}")


def _gate(query: OpenQuery) -> Gate | None:
    """Take the gate of a fit, None without one; raise Invalid."""
    if "promote" not in query:
        for name in GATE_MEMBERS & query.keys():
            raise Invalid.at(f"/{name}", f"{name} needs `promote`, the alias that the version may take over")
        return None
    gain, source = take_one(query, "promote_gain"), take_one(query, "promote_source")
    try:
        least = 0.0 if gain is None else decode_json(gain, Gain)
    except msgspec.DecodeError:
        raise Invalid.at("/promote_gain", "a gain is a number, 0 or more") from None
    return Gate(
        take_one(query, "promote") or "",
        take_one(query, "promote_metric"),
        least,
        source=None if source is None else Source(source, {}),
    )


def take_names(query: OpenQuery, name: str, *, keeps_empty: bool = False) -> list[str]:
    """Take names of columns out of the query: repeated, or with commas between them.

    A name with a comma or a line end is quoted; raise Invalid for a line end that is not.
    """
    return split(take_all(query, name), name, keeps_empty=keeps_empty)


def _timeout(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return decode_json(text, Timeout)
    except msgspec.DecodeError:
        raise Invalid.at("/timeout", "a timeout is a number of seconds, over 0") from None
