"""What the verbs answer: the envelope, with the result of each verb in it."""

from __future__ import annotations

from typing import Any, Literal, Union

import msgspec

from app.schemas import results
from app.schemas.jobs import Envelope, Time
from app.schemas.verbs import VERBS, Verb
from app.serve.openapi.derived import Kind, derived
from app.storage.model_store import Manifest


class ServerEvent(msgspec.Struct):
    """One event of the stream; `data` is JSON with id, status or progress, and at (when, RFC 3339)."""

    id: str
    event: Literal["state", "progress"]
    data: str


RESULTS: dict[Verb, Kind] = {verb: getattr(results, spec.result) for verb, spec in VERBS.items()}
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
ANY_JOB: Any = Union[tuple(ENVELOPES.values())]  # noqa: UP007  made of the table
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
