"""Restore fitted models from their versions. A model's class may have changed since the fit, or may fail."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from inspect import Parameter
from logging import getLogger
from typing import Any

from app.errors import Conflict, ModelFailed
from app.model.base import Regressor
from app.storage.model_store import Manifest

logger = getLogger(__name__)


def restore(kind: type[Regressor], manifest: Manifest, arrays: Mapping[str, Any]) -> Regressor:
    """Return the fitted model of a version; raise Conflict as `require_usable` does, or ModelFailed."""
    require_usable(kind, manifest)
    try:
        return kind.restore(manifest.params, {**manifest.learned, **arrays})
    except Exception as error:  # anybody's code
        raise _failure(manifest, error) from error


def require_usable(kind: type[Regressor], manifest: Manifest) -> None:
    """Raise Conflict for a version whose parameters are not those of its class: with others it would predict otherwise.

    A class that overrides `restore` knows what to do about its old versions.
    """
    if any("restore" in vars(base) for base in kind.__mro__[: kind.__mro__.index(Regressor)]):
        return
    parameters = {each.name: each for each in kind.init_parameters()}
    unknown = [name for name in manifest.params if name not in parameters]
    required = [name for name, each in parameters.items() if each.default is Parameter.empty]
    missing = [name for name in required if name not in manifest.params]
    if not unknown and not missing:
        return
    named = f"version {manifest.version} of model {manifest.model!r}"
    if unknown:
        has = f"it has {', '.join(parameters)}" if parameters else "it has none"
        problem = f"was fitted with {_parameters(unknown)}, unknown to its class now: {has}"
    else:
        problem = f"was fitted without {_parameters(missing)}, which its class needs now"
    raise Conflict.at("/version", f"{named} {problem}; bring back what the class had, or fit again")


def _parameters(names: list[str]) -> str:
    return f"the parameter{'s' if len(names) > 1 else ''} {' and '.join(map(repr, names))}"


def _failure(manifest: Manifest, error: Exception) -> ModelFailed:
    """Return the error for callers; log the stack without the message, which may quote data."""
    named, raised = f"version {manifest.version} of model {manifest.model!r}", type(error).__name__
    logger.error("%s: restore raised %s\n%s", named, raised, "".join(traceback.format_tb(error.__traceback__)))
    return ModelFailed(f"{named} cannot be restored: its class raised {raised}; mend it, or fit again")
