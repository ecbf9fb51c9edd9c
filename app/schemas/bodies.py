"""JSON bodies of requests as msgspec Structs, used for decoding and for the OpenAPI document."""

from __future__ import annotations

from typing import Any

import msgspec

from app.schemas.requests import Gain, Timeout, Version, Webhook
from app.schemas.tables import Names

NO_JSON = msgspec.Raw()


class Data(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Either rows (`X` is n×p or n named rows, `y` is n or n×k), or the name of a source.

    The rows stay JSON until it is known which of their columns are needed, and y until its allowed type is known.
    """

    X: msgspec.Raw = NO_JSON
    y: msgspec.Raw = NO_JSON
    columns: list[str] | None = None
    sample_weight: list[float] | None = None
    source: str | None = None
    params: dict[str, Any] = {}


class Promote(msgspec.Struct, forbid_unknown_fields=True):
    """A gate: the fit's version takes over the alias if it scores better, on these rows, than the one that has it."""

    on: Data
    alias: str = "champion"
    metric: str | None = None
    gain: Gain = 0.0


class FitBody(msgspec.Struct, forbid_unknown_fields=True):
    """JSON body of a fit."""

    model: str | None = None
    estimator: str | None = None
    params: dict[str, Any] = {}
    data: Data | None = None
    target: str | Names | None = None
    inputs: Names | None = None
    ignore: Names = []
    weight: str | None = None
    timeout: Timeout | None = None
    webhook: Webhook | None = None
    promote: Promote | None = None


class PredictBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """JSON body of a predict or score."""

    model: str | None = None
    version: Version | None = None
    data: Data | None = None
    target: str | Names | None = None
    weight: str | None = None
    keep: Names = []
    outputs: list[str] = []
    timeout: Timeout | None = None
    webhook: Webhook | None = None
