"""Restore fitted models from their versions. A model's class may have changed since the fit, or may fail."""

from __future__ import annotations

import traceback
from logging import getLogger

from app.errors import Conflict, ModelFailed, TrinityError
from app.model.estimator import AnyEstimator, FittedModel, Stored
from app.storage.manifest import Manifest
from app.storage.model_store import Files

logger = getLogger(__name__)


def restore(estimator: AnyEstimator, manifest: Manifest, files: Files) -> FittedModel:
    """Return the fitted model of a version; raise Conflict as `require_usable` does, or ModelFailed."""
    require_usable(estimator, manifest)
    columns = manifest.schema.input_columns()
    try:
        return estimator.load(Stored(manifest.params, manifest.learned, files, columns, manifest.classes))
    except TrinityError:
        raise
    except (Exception, SystemExit) as error:  # a user's code may raise anything
        raise _failure(manifest, error) from error


def require_usable(estimator: AnyEstimator, manifest: Manifest) -> None:
    """Raise Conflict for a version that the current estimator cannot load, or that would predict differently."""
    if (manifest.format, manifest.task) != (estimator.format, estimator.task):
        was, now = f"{manifest.task}, stored as {manifest.format}", f"{estimator.task}, stored as {estimator.format}"
        problem = f"is a {was}, and the model is a {now} now"
    else:
        problem = estimator.misfit(manifest.params)
    if problem:
        named = f"version {manifest.version} of model {manifest.model!r}"
        raise Conflict.at("/version", f"{named} {problem}; bring back what the class had, or fit again")


def _failure(manifest: Manifest, error: BaseException) -> ModelFailed:
    """Return the error for callers; log the stack without the message, which may quote data."""
    named, raised = f"version {manifest.version} of model {manifest.model!r}", type(error).__name__
    logger.error("%s: restore raised %s\n%s", named, raised, "".join(traceback.format_tb(error.__traceback__)))
    return ModelFailed(f"{named} cannot be restored: its class raised {raised}; mend it, or fit again")
