"""The Python client: models as estimators, jobs and health of a Trinity service. Needs numpy, httpx and msgspec."""

from app.client.classifier import ClassifierEstimator
from app.client.client import Client
from app.client.errors import (
    DeadlineExceeded,
    Gone,
    Invalid,
    Malformed,
    NotFitted,
    NotFound,
    Refused,
    TimedOut,
    TooLarge,
    Unreachable,
)
from app.client.estimator import Estimator
from app.client.first_fit import fit_once
from app.client.jobs import JobHandle
from app.errors import Cancelled, Conflict, Damaged, Forbidden, ModelFailed, TrinityError, Unauthenticated, WorkerLost

__all__ = [
    "Cancelled",
    "ClassifierEstimator",
    "Client",
    "Conflict",
    "Damaged",
    "DeadlineExceeded",
    "Estimator",
    "Forbidden",
    "Gone",
    "Invalid",
    "JobHandle",
    "Malformed",
    "ModelFailed",
    "NotFitted",
    "NotFound",
    "Refused",
    "TimedOut",
    "TooLarge",
    "TrinityError",
    "Unauthenticated",
    "Unreachable",
    "WorkerLost",
    "fit_once",
]
