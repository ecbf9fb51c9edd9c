"""The client: one Trinity by its URL, in either mode."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote
from uuid import uuid4

import numpy as np

from app.client.dataframes import Matrix, Rows, pair, rows
from app.client.encoding import BLOCK_VALUES, EncodedBody, of_arrays, of_data, of_members
from app.client.errors import TooLarge
from app.client.estimator import Estimator, estimator_kind
from app.client.jobs import POLL_S, JobHandle
from app.client.transport import ANSWER_S, Deadline, OutgoingRequest, Transport, checked, shaped
from app.schemas.verbs import Verb

TIMEOUT_S = 600.0
KEY_VARIABLE = "TRINITY_KEY"
PAGE_JOBS = 200
_ACCEPTED = 202
_living: weakref.WeakValueDictionary[str, Client] = weakref.WeakValueDictionary()


class Client:
    """Talks to the Trinity at `url`, with the key if it wants one; threads may share a client.

    `timeout_s` bounds each call, with all its tries, pauses and the wait for its job. A `url` or key that can't be one
    is a ValueError. Every call may raise
    Unreachable, Refused, Unauthenticated or Forbidden; what else, each one says.
    """

    def __init__(self, url: str, key: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self.url = url.rstrip("/")
        self.timeout_s = timeout_s
        self._transport = Transport(self.url, key)
        self._queued = False
        self._kinds: dict[str, type[Estimator]] = {}
        self._token = uuid4().hex
        _living[self._token] = self

    # Estimators

    def model(self, name: str, **params: Any) -> Estimator:
        """Return a model that isn't fitted, with these parameters and the defaults of all others.

        Raise NotFound for an unknown model, TypeError for an unknown parameter; `fit` checks the values.
        """
        return self.kind(name)(**params)

    def fitted(self, name: str, version: int | str | None = None) -> Estimator:
        """Return a version that was fitted before, whoever did it: a number, an alias, or the latest.

        Raise NotFound, or NotFitted when the model has no version.
        """
        manifest = self.version(name, version)
        return self.kind(name)(**manifest["params"]).take(manifest)

    def kind(self, name: str) -> type[Estimator]:
        """Return the class of a model's estimators, made from what the service says of its parameters."""
        if name not in self._kinds:
            self._kinds[name] = estimator_kind(self, name, self.models(name)["params"])
        return self._kinds[name]

    # The trinity

    def fit(self, X: Any, y: Any, model: str | None = None, **wishes: Any) -> Any:
        """Fit a model, the service's default for None, on X (n, p) and y (n,) or (n, k); return the fit's result.

        That is `{"version", "terms", "coefficients", "metrics"}`. `wishes` are members of the request: params (a
        dict), timeout (seconds). Raise Invalid (a ValueError) for data or parameters that the model refuses.
        """
        given, targets = pair(X, y)
        return self.submit("fit", of_arrays(given.X, targets, given.names, **wishes), model).result()

    def predict(self, X: Any, model: str | None = None, version: int | str | None = None) -> Matrix:
        """Return predictions for X (m, p): (m,) where y was 1-D, (m, k) else; many rows go in several requests.

        Columns of a frame are matched by name. Raise Invalid, NotFound, or NotFitted.
        """
        return self.predict_rows(rows(X), model, version)

    def score(
        self, X: Any, y: Any, model: str | None = None, version: int | str | None = None
    ) -> dict[str, float | int | None]:
        """Return `{"r2", "rmse", "mae", "n"}` of the predictions for X (m, p) against y; raise as `predict` does."""
        given, targets = pair(X, y)
        body = of_arrays(given.X, targets, given.names, version=version)
        found: dict[str, float | int | None] = self.submit("score", body, model).result()
        return found

    def submit(
        self,
        verb: Verb,
        data: Mapping[str, Any] | EncodedBody | None = None,
        model: str | None = None,
        *,
        wait: bool = True,
        **wishes: Any,
    ) -> JobHandle:
        """Hand in work once, however often it has to be sent; return its job, ended if it did so within the first wait.

            job = client.submit(
                "fit", {"X": [[0], [1], [2]], "y": [1, 3, 5]}, "polynomial", params={"degree": 1}, wait=False
            )
            job.wait(progress=print)
            print(job.result()["coefficients"])

        `data` is that member of a request: `{"X", "y", "columns"}`, of lists, arrays or frames, or
        `{"source", "params"}`; without it the service works on its dummy source. `wishes` are the request's other
        members: params (of a fit), version (of a predict or score), timeout (seconds), webhook (`{"url"}`). A whole
        request, `{"data": {…}, "params": {…}}`, will do as well. With `wait` False a queued job is returned at once.
        Raise what refuses the request, or the error in which the job ended meanwhile; TypeError for other `data`.
        """
        body = _body(data, wishes)
        deadline = self.deadline(None)
        wait_s = min(POLL_S, int(deadline.left_s)) if wait else 0
        prefer = f"wait={wait_s}" if wait else "respond-async"
        request = OutgoingRequest(
            "POST",
            f"/{verb}" if model is None else f"/models/{quote(model, safe='')}/{verb}",
            body=body,
            headers={"Prefer": prefer, "Idempotency-Key": f'"{uuid4().hex}"'},
            # in sync mode the work itself is waited for
            answer_s=wait_s + ANSWER_S if self._queued else None,
        )
        answer = self._transport.send(request, deadline)
        self._queued = self._queued or "Preference-Applied" in answer.headers
        ended_as = answer.headers.get("Content-Location", "").rpartition("/")[2] or None
        job = JobHandle(self, checked(answer, ended_as))
        return job.wait(deadline.left_s) if wait and answer.status_code == _ACCEPTED else job

    def predict_rows(self, given: Rows, model: str | None, version: int | str | None) -> Matrix:
        """Return predictions for rows that were checked, as `predict` does."""
        step = max(1, BLOCK_VALUES // given.X.shape[1])
        blocks: list[Matrix] = []
        start = 0
        while start < len(given.X):
            if step < len(given.X) and not isinstance(version, int):  # also where a first 413 made it several blocks
                model, version = self._pinned(given, model, version)
            block = Rows(given.X[start : start + step], given.names)
            try:
                blocks.append(self._predict(block, model, version))
                start += step
            except TooLarge:  # the service takes smaller bodies than most
                if len(block.X) == 1:
                    raise
                step = len(block.X) // 2
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    # What there is

    def models(self, name: str | None = None) -> Any:
        """Return all models as a list of dicts (name, description, params as JSON Schema, versions, aliases), or one.

        Raise NotFound.
        """
        if name is None:
            return self._get("/models", members=["models"])["models"]
        return self._get(f"/models/{quote(name, safe='')}", members=["name", "params", "versions", "aliases"])

    def version(self, name: str, version: int | str | None = None) -> dict[str, Any]:
        """Return what is known of a version (params, schema, terms, metrics …), the latest for None; raise NotFound."""
        wanted = "latest" if version is None else str(version)
        path = f"/models/{quote(name, safe='')}/versions/{quote(wanted, safe='')}"
        return self._get(path, members=["model", "version", "params", "metrics", "created"])

    def jobs(self, status: str | None = None, verb: str | None = None, model: str | None = None) -> Iterator[JobHandle]:
        """Give the jobs, newest first, page by page as they are asked for; raise NotFound in sync mode."""
        wanted = {"status": status, "verb": verb, "model": model, "limit": PAGE_JOBS}
        query = {key: value for key, value in wanted.items() if value is not None}
        while True:
            page = self._get("/jobs", query, ["jobs", "next"])
            yield from (JobHandle(self, envelope) for envelope in page["jobs"])
            if page["next"] is None:
                return
            query["cursor"] = page["next"]

    def job(self, job_id: str) -> JobHandle:
        """Return a job by its id; raise NotFound or Gone."""
        return JobHandle(self, self._get(f"/jobs/{quote(job_id, safe='')}"))

    def health(self) -> dict[str, Any]:
        """Return `{"status": "ready" or "not ready", "parts": {…: "ok" or what is wrong}}`, asked once, without tries.

        Raise Unreachable.
        """
        answer = self._transport.send(OutgoingRequest("GET", "/health/ready", once=True), self.deadline(None))
        found: Any = answer.json() if answer.headers.get("Content-Type") == "application/json" else checked(answer)
        return shaped(found, "parts")

    # Manners

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def ask(self, request: OutgoingRequest, deadline: Deadline) -> Any:
        """Return the answer's JSON; raise TrinityError."""
        return self._transport.json(request, deadline)

    def deadline(self, timeout_s: float | None) -> Deadline:
        """Return when a call has to be over, for None after the client's own time."""
        return Deadline(self.timeout_s if timeout_s is None else timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._transport.place!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Let estimators be copied and sent to other processes; the key isn't in what is written, the URL is."""
        return _known, (self._token, self.url, self.timeout_s)

    def _get(self, path: str, query: Mapping[str, Any] | None = None, members: Iterable[str] = ()) -> dict[str, Any]:
        return shaped(self.ask(OutgoingRequest("GET", path, query or {}), self.deadline(None)), *members)

    def _predict(self, block: Rows, model: str | None, version: int | str | None) -> Matrix:
        body = of_arrays(block.X, columns=block.names, version=version)
        return np.asarray(self.submit("predict", body, model).result()["y"], dtype=np.float64)

    def _pinned(self, given: Rows, model: str | None, version: int | str | None) -> tuple[str, int]:
        """Return the model and version that stand for the ones named now, so that all blocks are predicted alike."""
        job = self.submit("predict", of_arrays(given.X[:1], columns=given.names, version=version), model)
        return job.model, job.version or 0


def _body(data: Any, wishes: Mapping[str, Any]) -> EncodedBody:
    if isinstance(data, EncodedBody):
        if wishes:
            raise TypeError(f"a Body is a whole request; {', '.join(wishes)} would have to be in it")
        return data
    if data is None:
        return of_members(**wishes)
    if not isinstance(data, Mapping):
        raise TypeError(
            'data is a dict {"X", "y", "columns"} or {"source", "params"}, as the member "data" of a request in JSON, '
            f"not a {type(data).__name__}"
        )
    request = {**(data if "data" in data else {"data": data}), **wishes}
    if request["data"] is None:
        return of_members(**request)
    return of_data(request.pop("data"), **request)


def _known(token: str, url: str, timeout_s: float) -> Client:
    """Return the client that was written down; in another process a new one, with the environment's TRINITY_KEY."""
    return _living.get(token) or Client(url, os.environ.get(KEY_VARIABLE), timeout_s)
