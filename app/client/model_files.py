"""Converts fitted models to files of their own libraries, never pickles."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from app.client.encoding import EncodedBody
from app.client.file_forms import FileForm, FormFile
from app.schemas.tasks import Label


class NamedFile(NamedTuple):
    """A file's name, and its content or path."""

    name: str
    content: bytes | Path


def to_file(model: Any) -> tuple[NamedFile, list[Label] | None]:
    """Return the file of a model, and labels that are not in the file; raise TypeError for other objects."""
    if isinstance(model, str | Path):
        path = Path(model)
        return NamedFile(path.name, path), None
    if isinstance(model, bytes | bytearray):
        return NamedFile("", bytes(model)), None
    library = type(model).__module__.partition(".")[0]
    if library == "xgboost":
        booster = model.get_booster() if hasattr(model, "get_booster") else model
        return NamedFile("model.ubj", bytes(booster.save_raw("ubj"))), _labels(model)
    if library == "lightgbm":
        booster = getattr(model, "booster_", model)
        return NamedFile("model.txt", booster.model_to_string().encode()), _labels(model)
    if hasattr(model, "SerializeToString"):  # a ModelProto of onnx
        return NamedFile("model.onnx", model.SerializeToString()), None
    if hasattr(model, "get_params") and hasattr(model, "predict"):
        import skops.io  # noqa: PLC0415  only if there is an estimator to send

        return NamedFile("model.skops", skops.io.dumps(model)), None
    raise TypeError(f"{type(model).__name__} is neither a path nor a model of scikit-learn, XGBoost, LightGBM or ONNX")


def to_sample(sample: Any) -> bytes:
    """Return rows as CSV; raise TypeError for objects without rows."""
    if isinstance(sample, str | Path):
        return Path(sample).read_bytes()
    if isinstance(sample, bytes):
        return sample
    if hasattr(sample, "to_csv"):
        return str(sample.to_csv(index=False)).encode()
    array = np.asarray(sample)
    if array.ndim != 2 or array.dtype.kind not in "biuf":  # noqa: PLR2004  rows and columns
        raise TypeError("a sample is a data frame, an array (n, p) of numbers, or the path of a CSV file")
    text = io.StringIO()
    np.savetxt(
        text,
        array,
        delimiter=",",
        fmt="%.17g",
        header=",".join(f"x{i + 1}" for i in range(array.shape[1])),
        comments="",
    )
    return text.getvalue().encode()


def encode_files(query: Mapping[str, str], **files: NamedFile | None) -> EncodedBody:
    """Return a form with files by the names of their fields; raise OSError for a path that is not a regular file."""
    form = FileForm([FormFile(field, each.name or field, each.content) for field, each in files.items() if each])
    return EncodedBody(form, form.media_type, query)


def _labels(model: Any) -> list[Label] | None:
    """Return the labels of a classifier, because boosters number them."""
    found = getattr(model, "classes_", None)
    return None if found is None else np.asarray(found).tolist()
