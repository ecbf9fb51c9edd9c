"""Tries an archived version out, in a child process: restores it, and predicts the rows of its sample again."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from app.errors import Damaged, Invalid, ModelFailed
from app.model.estimator import AnyEstimator, FittedModel
from app.service.compatibility import restore
from app.service.discovery import find_models
from app.service.imported_versions import ImportedVersions
from app.service.libraries import differing
from app.service.model_calls import predict_model
from app.service.restoring import agree
from app.service.sampling import SAMPLE_BYTES
from app.service.transfer.version_archive import ArchivedVersion, read_archive
from app.storage.array_files import Arrays, unpack_arrays
from app.storage.manifest import Manifest, Schema

MEMBERS = frozenset({"X", "y", "predicted", "curve_X", "curve_y", "confusion", "probabilities"})


class _Archive(NamedTuple):
    """An archived version in the role of a store that has only this one."""

    version: ArchivedVersion

    def manifest(self, name: str, version: int) -> Manifest:  # noqa: ARG002  as of a store
        return self.version.manifest

    def load(self, name: str, version: int) -> tuple[Manifest, dict[str, bytes]]:  # noqa: ARG002
        return self.version.manifest, dict(self.version.files)


def try_archive(
    path: str,
    sha256: str,
    modules: list[str],
    approved: list[str],
    max_bytes: int,
    max_loaded_bytes: int,
    *,
    signed: bool,
) -> dict[str, Any]:
    """Return the findings: how many rows were predicted as before, and warnings. Raise Invalid."""
    archived = read_archive(Path(path), None, max_bytes)
    manifest = archived.manifest
    if manifest.sha256 != sha256:
        raise Invalid.at("/file", "the archive was changed while it was read; try again")
    if manifest.format == "skops" and not signed:
        _check_unsigned(archived, approved)
    try:
        model = restore(_estimator(archived, modules, approved), manifest, archived.files)
    except (Damaged, ModelFailed) as error:
        raise Invalid.at("/file", error.detail) from error
    if (held_bytes := model.held_bytes()) > max_loaded_bytes:
        limit = f"the limit is {max_loaded_bytes} (TRINITY_MAX_LOADED)"
        raise Invalid.at("/file", f"the model takes {held_bytes} bytes of memory, {limit}")
    rows = _check_sample(model, archived)
    return {"rows": rows, "warnings": differing(manifest.libraries)}


def _estimator(archived: ArchivedVersion, modules: list[str], approved: list[str]) -> AnyEstimator:
    manifest = archived.manifest
    if manifest.provenance is not None:
        return ImportedVersions(_Archive(archived), approved).estimator(manifest)
    found = find_models(modules, approved)
    if manifest.made_of not in found:
        have = ", ".join(found)
        name = manifest.made_of[:64]
        raise Invalid.at("/file", f"the version is made of the estimator {name!r}, which is not here; there are {have}")
    return found[manifest.made_of]


def _check_unsigned(archived: ArchivedVersion, approved: list[str]) -> None:
    """Check an unsigned archive by the rules of imported files; raise Invalid."""
    from app.model.imported.skops_import import load_checked  # noqa: PLC0415  only this needs scikit-learn
    from app.model.scikit.fitted import SKOPS_FILE  # noqa: PLC0415

    load_checked(archived.files[SKOPS_FILE], approved)


def _check_sample(model: FittedModel, archived: ArchivedVersion) -> int:
    """Return how many rows of the sample the model predicts as before; raise Invalid if predictions differ."""
    if not archived.sample:
        return 0
    sample = sample_of(archived)
    schema = archived.manifest.schema
    if _texts_are_unknown(schema):
        return 0
    X = sample["X"]
    try:
        predicted = predict_model(model, X, schema)
    except (Invalid, ModelFailed) as error:
        raise Invalid.at("/file", f"restored, the version does not predict its sample: {error.detail}") from error
    if predicted.shape != sample["predicted"].shape or not agree(predicted, sample["predicted"]):
        raise Invalid.at("/file", "restored, the version does not predict its sample as before")
    return len(X)


def sample_of(archived: ArchivedVersion) -> Arrays:
    """Return the sample in an archive, empty if there is none; raise Invalid if no fit would store it."""
    if not archived.sample:
        return {}
    odd = Invalid.at("/file", "the sample in the archive is not one that a fit keeps")
    if len(archived.sample) > SAMPLE_BYTES:
        raise odd
    try:
        arrays = unpack_arrays(archived.sample)
    except Exception as error:  # numpy raises anything for a damaged file
        raise odd from error
    width = len(archived.manifest.schema.inputs)
    if not {"X", "y", "predicted"} <= arrays.keys() <= MEMBERS or arrays["X"].ndim != 2:  # noqa: PLR2004  a matrix
        raise odd
    small = sum(array.nbytes for array in arrays.values()) <= SAMPLE_BYTES
    numbers = all(array.dtype == np.float64 for array in arrays.values())
    same_rows = len({len(arrays[name]) for name in ("X", "y", "predicted")}) == 1
    if not small or not numbers or not same_rows or arrays["X"].shape[1] != width:
        raise odd
    return arrays


def _texts_are_unknown(schema: Schema) -> bool:
    """Whether a column of text has more texts than are stored: the codes in a sample then have no meaning."""
    return any(column.kind == "text" and column.categories is None for column in schema.columns)
