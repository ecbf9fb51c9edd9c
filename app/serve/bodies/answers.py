"""Predictions in other formats than JSON, selected by Accept: npy and CSV."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec
from falcon.asgi import Request as HttpRequest

from app.data.csv_writer import csv_of
from app.errors import TrinityError
from app.model.dataframes import default_names
from app.schemas.jobs import Job
from app.schemas.media_types import CSV
from app.serve.asgi import HEADERS
from app.serve.bodies.arrays import predictions
from app.serve.bodies.npy_body import NPY, encode_npy
from app.serve.bodies.reader import run_in_pool_if_large
from app.serve.preferences import prefers
from app.service import Service


class Answer(NamedTuple):
    """The encoded form of a prediction."""

    media_type: str
    content: bytes


class PredictionFormats:
    """Chooses the format of a prediction, and encodes it, in a thread if much JSON must be decoded."""

    def __init__(self, service: Service, pool: ThreadPoolExecutor) -> None:
        self._service = service
        self._pool = pool

    def preferred(self, req: HttpRequest) -> str | None:
        """Return the media type that a client prefers to JSON; None for JSON."""
        if b"accept" not in req.scope[HEADERS]:
            return None
        return next((media_type for media_type in (NPY, CSV) if prefers(req, media_type)), None)

    async def encode(self, job: Job, media_type: str | None) -> Answer | None:
        """Return a successful prediction in a format; None for JSON, and for a job that did not succeed.

        Raise NotAcceptable for npy if the predictions are not one array of numbers.
        """
        if media_type is None or job.status != "SUCCESS" or job.verb != "predict":
            return None
        if media_type == CSV:  # the names of its columns are read from the disk
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._csv, job)
        return await run_in_pool_if_large(lambda: self._npy(job), self._pool, len(job.result or b""))

    def _npy(self, job: Job) -> Answer:
        return Answer(NPY, encode_npy(predictions(job)))

    def _csv(self, job: Job) -> Answer:
        """Encode the kept columns, then the predictions under the names of the outputs, then probabilities."""
        result = msgspec.json.decode(job.result or b"")
        y = result.get("y")
        content = csv_of(result, self._outputs(job, len(y[0]) if y and isinstance(y[0], list) else 1))
        return Answer(f"{CSV}; charset=utf-8; header=present", content.encode())

    def _outputs(self, job: Job, width: int) -> list[str]:
        try:
            return self._service.manifest(job.model, job.version).schema.outputs
        except TrinityError:  # the version was removed since
            return default_names("y", width)
