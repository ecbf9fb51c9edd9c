"""The client of one Trinity service, in sync and async mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from numpy.typing import NDArray

from app.client.caller_warnings import warn_of
from app.client.dataframes import ColumnChoice, Names, to_rows, to_rows_and_targets
from app.client.encoding import encode_arrays
from app.client.estimator import Estimator
from app.client.estimator_classes import estimator_class
from app.client.jobs import JobHandle
from app.client.registry import RegistryCalls
from app.client.transport import OutgoingRequest, decode_response, require_members
from app.model.dataframes import Array
from app.model.validation import check_weight
from app.schemas.requests import PROBABILITIES

PAGE_JOBS = 200


class Client(RegistryCalls):
    """A client of the service at `url`, with a key if the service requires one. Threads may share a client.

    `timeout_s` limits each call: all its tries, its pauses and the wait for its job together. `verify` is False to
    accept any certificate, or the file or folder of the certificate authorities to trust; `headers` go with every
    request. HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured. Raise ValueError for a URL, a key, headers or
    authorities that are not valid. Every call may raise Unreachable, Refused, Unauthenticated or Forbidden; the
    methods name other errors.
    """

    def model(self, name: str, **params: Any) -> Estimator:
        """Return an unfitted model with these parameters, and defaults for the others.

        Raise NotFound for an unknown model, TypeError for an unknown parameter; `fit` checks the values.
        """
        return self.kind(name)(**params)

    def fitted(self, name: str, version: int | str | None = None) -> Estimator:
        """Return a fitted version: a number, an alias, or for None the version that `predict` uses.

        That is the champion if there is one, or else the latest. The estimator keeps this version when the alias moves.

        Raise NotFound, or NotFitted if the model has no version.
        """
        manifest = self.version(name, version)
        return self.kind(name)(**manifest["params"]).load_manifest(manifest)

    def kind(self, name: str) -> type[Estimator]:
        """Return the estimator class of a model; the service's description defines its parameters."""
        return estimator_class(self, name)

    def fit(
        self,
        X: Any,
        y: Any,
        model: str | None = None,
        sample_weight: Any = None,
        *,
        weight: str | None = None,
        inputs: Names = None,
        ignore: Names = None,
        **options: Any,
    ) -> Any:
        """Fit a model (None: the service's default) to X (n, p) and y (n,) or (n, k); return the result.

        The data are as for `Estimator.fit`. The result is `{"version", "terms", "coefficients", "metrics"}`; its
        warnings are issued as UserWarning. `options` are members of the request: params (a dict), timeout (seconds),
        estimator (of a model with another name, at its first fit), promote (a gate: `{"alias", "on",
        "metric", "gain"}`, where `on` is `{"X", "y"}` or `{"source"}`; the result then has `promotion`). Raise Invalid
        (a ValueError) for data or parameters that the model refuses.
        """
        choice = ColumnChoice.of(inputs, ignore, weight)
        given, targets = to_rows_and_targets(X, y, choice, to_y=self.to_y(options.get("estimator", model)))
        body = encode_arrays(given, targets, check_weight(sample_weight, len(targets)), **choice._asdict(), **options)
        result = self.submit("fit", body, model).result()
        warn_of(result)
        return result

    def predict(self, X: Any, model: str | None = None, version: int | str | None = None) -> NDArray[Any]:
        """Return predictions for X (m, p): (m,) if y was 1-D, else (m, k). Many rows are sent in several requests.

        They are numbers, or the labels of a classifier.

        Named columns are matched by name. Raise Invalid, NotFound, or NotFitted.
        """
        return self.predict_rows(to_rows(X), model, version)

    def predict_proba(self, X: Any, model: str | None = None, version: int | str | None = None) -> Array:
        """Return the probability of each class, (m, classes), for X (m, p); raise as `predict` does.

        The classes are those of the version's manifest, in order. Raise Invalid for a model without probabilities.
        """
        return self.predict_rows(to_rows(X), model, version, PROBABILITIES)

    def score(
        self,
        X: Any,
        y: Any,
        model: str | None = None,
        version: int | str | None = None,
        sample_weight: Any = None,
        *,
        weight: str | None = None,
    ) -> dict[str, Any]:
        """Return `{"r2", "rmse", "mae", "n"}` of the predictions for X (m, p) against y; raise as `predict` does.

        For a classifier it is accuracy and more, with `classes` and `confusion`.
        """
        choice = ColumnChoice.of(weight=weight)
        given, targets = to_rows_and_targets(X, y, choice, to_y=self.to_y(model))
        weights = check_weight(sample_weight, len(targets))
        body = encode_arrays(given, targets, weights, version=version, weight=choice.weight)
        found: dict[str, Any] = self.submit("score", body, model).result()
        warn_of(found)
        return found

    def jobs(self, status: str | None = None, verb: str | None = None, model: str | None = None) -> Iterator[JobHandle]:
        """Yield jobs, the newest first, and fetch each page when it is needed; raise NotFound in sync mode."""
        filters = {"status": status, "verb": verb, "model": model, "limit": PAGE_JOBS}
        query = {key: value for key, value in filters.items() if value is not None}
        while True:
            page = self._get("/jobs", query, ["jobs", "next"])
            yield from map(self._job, page["jobs"])
            if page["next"] is None:
                return
            query["cursor"] = page["next"]

    def job(self, job_id: str) -> JobHandle:
        """Return a job by its id; raise NotFound or Gone."""
        return self._job(self._get(f"/jobs/{quote(job_id, safe='')}"))

    def health(self) -> dict[str, Any]:
        """Return `{"status": "ready" or "not ready", "parts": {…: "ok" or a problem}}`.

        The request is sent once, without retries. Raise Unreachable.
        """
        response = self._transport.send(OutgoingRequest("GET", "/health/ready", retries=False), self._deadline())
        is_json = response.headers.get("Content-Type") == "application/json"
        return require_members(response.json() if is_json else decode_response(response), "parts")
