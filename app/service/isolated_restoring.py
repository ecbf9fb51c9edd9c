"""Restores models in a separate process, under limits: models with foreign code, or that need a library."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from app.model.estimator import AnyEstimator, Stored
from app.model.isolation.isolated_calls import IsolatedCalls
from app.schemas.decoding import convert
from app.service.restore_trial import ImportedSource, RestoredJson, RestoreRequest, write_trial
from app.service.restoring import Checked, Restored, restore_here
from app.storage.payload_store import Payloads

OURS = "app.model."
"""Classes of these modules are restored in the process of the fit: that takes 0.8 ms, another process 30 to 50 ms."""
CHILD = "app.service.restore_trial"


class IsolatedRestoring:
    """Called as `restore_here` is. A model that ends its process does not end this one."""

    def __init__(
        self,
        payloads: Payloads,
        calls: IsolatedCalls,
        calls_for_files: IsolatedCalls,
        *,
        modules: Sequence[str],
        trusted: Collection[str],
        approved: Collection[str],
    ) -> None:
        """`calls_for_files` are for imported pipelines, for which `approved` are the types beside the safe ones.

        `trusted` are the types that fits of estimators in `modules` may hold beside those of scikit-learn.
        """
        self._payloads = payloads
        self._calls = calls
        self._calls_for_files = calls_for_files
        self._modules = list(modules)
        self._trusted = sorted(trusted)
        self._approved = sorted(approved)

    def __call__(self, estimator: AnyEstimator, stored: Stored, checked: Checked) -> Restored:
        """Restore a model and predict; raise CallFailed or Unavailable."""
        if estimator.source.startswith(OURS):
            return restore_here(estimator, stored, checked)
        is_imported = getattr(estimator, "provenance", None) is not None
        request = RestoreRequest(
            estimator.name,
            self._modules,
            self._trusted,
            ImportedSource(estimator.task, estimator.source, self._approved) if is_imported else None,
            stored.params,
            stored.learned,
            list(stored.columns),
            stored.classes,
        )
        calls = self._calls_for_files if is_imported else self._calls
        with self._payloads.scratch("trial") as folder:
            write_trial(folder, request, stored, checked)
            found = convert(calls.call(f"{CHILD}:try_restoring", folder=str(folder)), RestoredJson)
        return Restored(found.attributes, found.predictions, found.held_bytes, found.raised)
