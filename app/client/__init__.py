"""The Python client: models as estimators, jobs and health of a Trinity. It needs numpy, httpx and msgspec."""

from app.client.client import Client
from app.client.errors import (
    Cancelled,
    Conflict,
    DeadlineExceeded,
    Forbidden,
    Gone,
    Invalid,
    Malformed,
    ModelFailed,
    NotFitted,
    NotFound,
    Refused,
    TimedOut,
    TooLarge,
    TrinityError,
    Unauthenticated,
    Unreachable,
    WorkerLost,
)
from app.client.estimator import Estimator
from app.client.jobs import JobHandle

__all__ = [
    "Cancelled",
    "Client",
    "Conflict",
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
]
