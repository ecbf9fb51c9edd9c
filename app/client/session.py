"""A session with one Trinity service: the URL and the key, submissions, and predictions of many rows."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus
from ssl import SSLContext
from typing import Any, Self
from urllib.parse import quote
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from app.client.dataframes import Rows
from app.client.encoding import BLOCK_VALUES, EncodedBody, encode_arrays, encode_data, encode_request
from app.client.errors import Invalid, NotFound, TooLarge
from app.client.jobs import POLL_S, JobHandle
from app.client.labels import from_answer, to_y
from app.client.network import Verify
from app.client.transport import RESPONSE_S, Deadline, OutgoingRequest, Transport, decode_response, require_members
from app.errors import Forbidden
from app.schemas.requests import Y
from app.schemas.tasks import Task
from app.schemas.verbs import Verb

TIMEOUT_S = 600.0
KEY_VARIABLE = "TRINITY_KEY"
_sessions: weakref.WeakValueDictionary[str, Session] = weakref.WeakValueDictionary()


class Session:
    """The base of Client, with the methods that estimators need. Threads may share a session."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        timeout_s: float = TIMEOUT_S,
        *,
        verify: Verify = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.timeout_s = timeout_s
        self._verify = verify
        self._transport = Transport(self.url, key, verify=verify, headers=headers)
        self._queued = False
        self.estimator_classes: dict[str, type[Any]] = {}
        """The classes of `Client.kind`, by the names of their models."""
        self._tasks: dict[str, Task] = {}
        self._token = uuid4().hex
        _sessions[self._token] = self

    def submit(
        self,
        verb: Verb,
        data: Mapping[str, Any] | EncodedBody | None = None,
        model: str | None = None,
        *,
        wait: bool = True,
        **options: Any,
    ) -> JobHandle:
        """Submit a job exactly once, even if the request is sent several times; return the job.

            job = client.submit(
                "fit", {"X": [[0], [1], [2]], "y": [1, 3, 5]}, "polynomial", params={"degree": 1}, wait=False
            )
            job.wait(progress=print)
            print(job.result()["coefficients"])

        `data` is the member of a request: `{"X", "y", "columns", "sample_weight"}` with lists, arrays or data frames,
        or `{"source", "params"}`; a fit without it uses the service's dummy source. `options` are the request's other
        members: params, inputs and ignore (of a fit), version (of a predict or score), outputs (of a predict), weight
        (the column of weights), timeout (seconds), webhook (`{"url"}`). `data` may also be a whole request,
        `{"data": {…}, "params": {…}}`. With `wait`, wait for the end of the job, else return a queued job at once.
        Raise the error that refuses the request or that the job ended in; TypeError for other `data`.
        """
        path = f"/{verb}" if model is None else f"/models/{quote(model, safe='')}/{verb}"
        return self._submit(path, _encode(data, options, self.to_y(options.get("estimator", model))), wait=wait)

    def _submit(self, path: str, body: EncodedBody | None, *, wait: bool = True) -> JobHandle:
        deadline = self._deadline()
        wait_s = min(POLL_S, int(deadline.left_s)) if wait else 0
        prefer = f"wait={wait_s}" if wait else "respond-async"
        request = OutgoingRequest(
            "POST",
            path,
            body=body,
            headers={"Prefer": prefer, "Idempotency-Key": f'"{uuid4().hex}"'},
            # in sync mode the response is sent after the work
            response_s=wait_s + RESPONSE_S if self._queued else None,
        )
        response = self._transport.send(request, deadline)
        self._queued = self._queued or "Preference-Applied" in response.headers
        job_id = response.headers.get("Content-Location", "").rpartition("/")[2] or None
        job = self._job(decode_response(response, job_id))
        return job.wait(deadline.left_s) if wait and response.status_code == HTTPStatus.ACCEPTED else job

    def predict_rows(self, given: Rows, model: str | None, version: int | str | None, output: str = Y) -> NDArray[Any]:
        """Return an output for checked rows; many rows are sent in several requests, all to one version."""
        step = max(1, BLOCK_VALUES // given.X.shape[1])
        outputs = None if output == Y else [output]
        blocks: list[NDArray[Any]] = []
        start = 0
        while start < len(given.X):
            if step < len(given.X) and not isinstance(version, int):  # also after a 413 has made it several blocks
                model, version = self._resolve_version(given, model, version)
            block = Rows(given.X[start : start + step], given.names)
            try:
                body = encode_arrays(block, version=version, outputs=outputs)
                blocks.append(from_answer(self.submit("predict", body, model).result()[output]))
                start += step
            except TooLarge:  # this service has a lower limit than the default
                if len(block.X) == 1:
                    raise
                step = len(block.X) // 2
            except Invalid as refused:
                raise refused.after(start) from None
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def to_y(self, name: str | None) -> Callable[[Any], NDArray[Any]]:
        """Return the function that converts y for a model or an estimator; it may request the model's task."""
        return lambda y: to_y(y, lambda: self._task(name))

    def _task(self, name: str | None) -> Task | None:
        """Return the task of a model; None for the default model, and for a model that does not exist yet."""
        if name is not None and name not in self._tasks:
            with suppress(NotFound, Forbidden):
                self._tasks[name] = self.models(name).get("task", "regression")
        return None if name is None else self._tasks.get(name)

    def models(self, name: str | None = None) -> Any:
        """Return all models as a list of dicts (name, description, params as JSON Schema, versions, aliases), or one.

        Raise NotFound.
        """
        if name is None:
            return self._get("/models", members=["models"])["models"]
        return self._get(f"/models/{quote(name, safe='')}", members=["name", "params", "versions", "aliases"])

    def version(self, name: str, version: int | str | None = None) -> dict[str, Any]:
        """Return a version's manifest (params, schema, terms, metrics …); raise NotFound.

        `version` is a number or an alias; for None it is the version that `predict` uses: the champion if there is one,
        or else the latest.
        """
        if version is None:
            with suppress(NotFound):
                return self.version(name, "champion")
        number = "latest" if version is None else str(version)
        path = f"/models/{quote(name, safe='')}/versions/{quote(number, safe='')}"
        return self._get(path, members=["model", "version", "params", "metrics", "created"])

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._transport.shown_url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Support copies and other processes; the pickle contains the URL, but neither the key nor headers."""
        verify = True if isinstance(self._verify, SSLContext) else self._verify
        return _unpickled, (type(self), self._token, self.url, self.timeout_s, verify)

    def _deadline(self) -> Deadline:
        return Deadline(self.timeout_s)

    def _job(self, envelope: Any) -> JobHandle:
        return JobHandle(self._transport, envelope, self.timeout_s)

    def _get(self, path: str, query: Mapping[str, Any] | None = None, members: Iterable[str] = ()) -> dict[str, Any]:
        found = self._transport.json(OutgoingRequest("GET", path, query or {}), self._deadline())
        return require_members(found, *members)

    def _resolve_version(self, given: Rows, model: str | None, version: int | str | None) -> tuple[str, int]:
        """Return the current model and version number of a default or alias, by predicting one row."""
        job = self.submit("predict", encode_arrays(Rows(given.X[:1], given.names), version=version), model)
        return job.model, job.version or 0


def _encode(data: Any, options: Mapping[str, Any], to_y: Callable[[Any], NDArray[Any]]) -> EncodedBody:
    if isinstance(data, EncodedBody):
        if options:
            raise TypeError(f"an encoded body is a whole request; put {', '.join(options)} into it")
        return data
    if data is not None and not isinstance(data, Mapping):
        raise TypeError(
            'data is a dict {"X", "y", "columns"} or {"source", "params"}, like the member "data" of a JSON request, '
            f"not a {type(data).__name__}"
        )
    request = {**(data if data is not None and "data" in data else {"data": data}), **options}
    data = request.pop("data")
    return encode_request(**request) if data is None else encode_data(data, to_y, **request)


def _unpickled(kind: type[Session], token: str, url: str, timeout_s: float, verify: Verify) -> Session:
    """Return the session that was pickled; in another process a new one, with the key in the variable TRINITY_KEY."""
    return _sessions.get(token) or kind(url, os.environ.get(KEY_VARIABLE), timeout_s, verify=verify)
