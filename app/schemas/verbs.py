"""The verbs of the service: everything that differs between verbs, except the work of the model.

The queue, the settings, the API keys, the routes, the OpenAPI document and the command line read this table. It imports
nothing but the standard library, so that `--help` stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from app.schemas.media_types import CSV, JSON

Verb: TypeAlias = Literal["fit", "predict", "score"]


class VerbSpec(NamedTuple):
    """One verb; the defaults describe a verb that uses a fitted version and needs X alone."""

    description: str
    """The description in GET / and the OpenAPI document."""
    examples: Mapping[str, str]
    """An example body for the default model in each text media type; each is a valid request."""
    results: tuple[str, ...]
    """The Structs in app/schemas/results.py that describe the result: one, or those of a regressor and a classifier."""
    timeout_s: int
    """Default timeout of a queued job in seconds; TRINITY_TIMEOUT_<VERB> overrides it."""
    message_jobs: int
    """Maximum number of jobs in one message: enough to share its cost, few enough to share the work among processes."""
    scope: Literal["predict", "fit"] = "predict"
    """The scope that an API key needs."""
    needs_y: bool = False
    """Whether the data must have y. A verb that needs only X also reads and sends .npy arrays."""
    publishes: bool = False
    """Whether it publishes a new version, with `params`; otherwise it uses a `version`."""
    batchable: bool = False
    """Whether jobs with the same version may share a call of the model."""


VERBS: Mapping[Verb, VerbSpec] = MappingProxyType(
    {
        "fit": VerbSpec(
            description="Fits the model on data (JSON, CSV or a source) and publishes a new version.",
            examples={
                JSON: '{"params": {"degree": 3}, "data": {"source": "dummy", "params": {"number": 100}}}',
                CSV: "x,y\n-1,-2.4\n-0.5,1.8\n0,3\n0.5,2.7\n1,2.4\n",
            },
            results=("FitResult", "ClassFitResult", "OwnFitResult"),
            timeout_s=3600,
            message_jobs=1,
            scope="fit",
            needs_y=True,
            publishes=True,
        ),
        "predict": VerbSpec(
            description="Predicts y for X with the champion or the latest version, or with the one that is named.",
            examples={JSON: '{"data": {"X": [[-0.5], [0.5]]}}', CSV: "x\n-0.5\n0.5\n"},
            results=("Predictions",),
            timeout_s=60,
            message_jobs=100,
            batchable=True,
        ),
        "score": VerbSpec(
            description="Measures how well a version predicts y from X: R², RMSE, MAE; of labels accuracy, F1.",
            examples={JSON: '{"data": {"X": [[-0.5], [0.5]], "y": [1.8, 2.7]}}', CSV: "x,y\n-0.5,1.8\n0.5,2.7\n"},
            results=("ScoreMetrics", "ClassScoreMetrics", "OwnMetrics"),
            timeout_s=600,
            message_jobs=10,
            needs_y=True,
        ),
    }
)
