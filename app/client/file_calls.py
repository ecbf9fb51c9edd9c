"""Files in the client: the inputs of models, and models that were fitted elsewhere."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from app.client.caller_warnings import warn_of
from app.client.encoding import EncodedBody
from app.client.jobs import JobHandle
from app.client.model_files import NamedFile, encode_files, to_file, to_sample
from app.client.session import Session
from app.schemas.tasks import Label
from app.schemas.verbs import Verb

CHAMPION = "champion"
GATE = {"alias": "promote", "metric": "promote_metric", "gain": "promote_gain"}
"""The members of a gate, and what they are in a query."""


class FileCalls(Session):
    """The part of Client that sends files."""

    def import_model(
        self,
        name: str,
        model: Any,
        sample: Any = None,
        *,
        classes: Sequence[Label] | None = None,
        columns: Sequence[str] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Import a model that was fitted elsewhere as the next version of the model `name`; return the result.

            client.import_model("churn", pipeline, sample=frame.head(50))
            client.import_model("price", "price.onnx", columns=["area", "rooms"])

        `model` is the path of a file of skops, ONNX, XGBoost or LightGBM, or the fitted object itself: an estimator of
        scikit-learn is sent as a skops file, a booster in its library's own format. `sample` has rows for the model to
        predict: a data frame, an array, or the path of a CSV file; columns of text need it. `classes` are the labels
        of files without labels. `options` are format, kind, strict, ignore, timeout. Raise Invalid for a file that
        cannot be imported; its message has the reason and advice.
        """
        file, own = to_file(model)
        named = own if classes is None else classes
        labels = None if named is None else json.dumps(np.asarray(named, dtype=object).tolist())  # a text stays one
        members = {"columns": columns, "classes": labels, **options}
        query = {key: _text(value) for key, value in members.items() if value is not None}
        rows = None if sample is None else NamedFile("sample.csv", to_sample(sample))
        body = encode_files(query, file=file, sample=rows)
        found = self.send_file(name, body)
        warn_of(found)
        return found

    def submit_file(
        self,
        verb: Verb,
        path: str | Path,
        model: str,
        version: int | str | None = None,
        *,
        wait: bool = True,
        promote: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> JobHandle:
        """Submit the file at `path` to a model whose input is a file; return the job, at its end with `wait`.

            client.submit_file("fit", "photos.zip", "detector", threshold=0.4).result()["version"]
            client.submit_file("fit", "photos.zip", "detector", promote={"on": "held_out.zip"}).result()["promotion"]

        The file is streamed and never held in memory. A predict takes a file of the model's types, a fit or a
        score a zip file. `promote` is a gate of a fit, `{"alias", "on", "metric", "gain"}`, where `on` is the path of
        a second zip file on which versions are compared, and the others have defaults. `options` are those of the
        model's predict or the parameters of a fit, and timeout (seconds).
        Raise OSError for a file that cannot be read, Invalid, TooLarge, NotFound or NotFitted, and TrinityError for a
        file of another type.
        """
        gate, held_out = ({}, None) if promote is None else (_gate(promote), promote.get("on"))
        given = {"version": version, **gate, **options}
        return self.submit_files(verb, model, given, path, held_out, wait=wait)

    def submit_files(
        self,
        verb: Verb,
        model: str,
        members: Mapping[str, Any],
        path: str | Path,
        held_out: str | Path | None = None,
        *,
        wait: bool = True,
    ) -> JobHandle:
        """Submit one or two files with the other members of their request, as the service names them."""
        query = {name: _as_text(value) for name, value in members.items() if value is not None}
        body = encode_files(query, file=_named(path), promote_on=None if held_out is None else _named(held_out))
        return self._submit(f"/models/{quote(model, safe='')}/{verb}", body, wait=wait)

    def predict_file(
        self, model: str, path: str | Path, version: int | str | None = None, *, wait: bool = True, **options: Any
    ) -> JobHandle:
        """Submit the file at `path` for a prediction, as `submit_file` does.

        job = client.predict_file("detector", "street.jpg", threshold=0.5)
        job.result()
        """
        return self.submit_file("predict", path, model, version, wait=wait, **options)

    def send_file(self, name: str, body: EncodedBody) -> dict[str, Any]:
        """Send the file of a model as the next version of `name`; return the result."""
        found: dict[str, Any] = self._submit(f"/models/{quote(name, safe='')}/versions", body).result()
        return found


def _gate(promote: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a query for a gate; raise TypeError for unknown members."""
    if unknown := promote.keys() - {"on", *GATE}:
        raise TypeError(f"promote has no {', '.join(sorted(unknown))}; it may have alias, on, metric, gain")
    return {GATE[name]: value for name, value in {"alias": CHAMPION, **promote}.items() if name in GATE}


def _named(path: str | Path) -> NamedFile:
    return NamedFile(Path(path).name, Path(path))


def _text(value: Any) -> str:
    """Return a member of a query: names separated by commas; a name that contains a comma is quoted."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value)
    line = io.StringIO()
    csv.writer(line).writerow([_text(each) for each in value])
    return line.getvalue().strip()


def _as_text(value: Any) -> str:
    """Return an option in the form of a query: a list with commas, a truth value as in JSON."""
    if isinstance(value, list | tuple):
        return ",".join(map(_as_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
