"""What the verbs answer: the envelope, with the result of each verb in it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from app.schemas.jobs import Envelope, Time
from app.schemas.requests import Verb
from app.serve.openapi.derived import Kind, derived
from app.storage.model_store import Manifest


class ScoreMetrics(msgspec.Struct):
    """How well predictions meet y, averaged over outputs; null: not defined, as R² of one row is."""

    r2: float | None
    rmse: float | None
    mae: float | None
    n: int


class FitResult(msgspec.Struct):
    """What a fit found; coefficients[i] belongs to terms[i], and is a row of numbers where y had rows."""

    version: int
    terms: list[str]
    coefficients: list[float | list[float]]
    metrics: ScoreMetrics


class Predictions(msgspec.Struct):
    """A number, or a row of numbers where y had rows, for each row of X."""

    y: list[float | list[float]]


class ServerEvent(msgspec.Struct):
    """One event of the stream; `data` is JSON with id, status or progress, and at (when, RFC 3339)."""

    id: str
    event: Literal["state", "progress"]
    data: str


RESULTS: dict[Verb, Kind] = {"fit": FitResult, "predict": Predictions, "score": ScoreMetrics}
ENVELOPES: dict[Verb, Kind] = {
    verb: derived(
        Envelope,
        f"{verb.title()}Job",
        f"A {verb} as every answer tells of it; times are RFC 3339 in UTC.",
        tag=verb,
        result=result | None,
    )
    for verb, result in RESULTS.items()
}
ANY_JOB: Any = ENVELOPES["fit"] | ENVELOPES["predict"] | ENVELOPES["score"]
JOB_PAGE = msgspec.defstruct(
    "JobPage",
    [("jobs", list[ANY_JOB]), ("next", str | None)],
    namespace={"__doc__": "Jobs without their results, newest first; `next` is the cursor of the next page."},
)
VERSION_INFO = derived(
    Manifest,
    "ModelVersion",
    "All that is known of one version of a model.",
    without={"learned"},
    created=Time,
    version=(int,),
    arrays_sha256=(str,),
    sha256=(str,),
)
