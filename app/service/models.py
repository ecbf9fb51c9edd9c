"""The models of a service: one for each estimator, and models with other names, which fits make from estimators."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

from app.errors import Conflict, Damaged, Invalid, NotFound
from app.model.estimator import AnyEstimator
from app.schemas.registry import MODEL_NAME
from app.service.compatibility import require_usable
from app.service.imported_versions import ImportedVersions
from app.storage.manifest import Manifest
from app.storage.model_store import Store

SHOWN_NAMES = 20


class Models:
    """Finds the estimators of models. Those of other names than their estimators' are looked up in the store.

    So every process finds a model as soon as its first version is published.
    """

    def __init__(
        self, estimators: Mapping[str, AnyEstimator], store: Store, approved: Collection[str] = frozenset()
    ) -> None:
        self.estimators = estimators
        self.any_files = any(each.files for each in estimators.values())
        """Whether some models take files."""
        self.approved = frozenset(approved)
        """The types that imported files may hold beside the safe ones."""
        self._imported = ImportedVersions(store, self.approved, proven=True)
        self._store = store
        self._made_of: dict[str, AnyEstimator] = {}

    def __getitem__(self, name: str) -> AnyEstimator:
        """Return the estimator of a model; raise NotFound, or Conflict if the estimator is missing."""
        return self.estimators.get(name) or self._looked_up(name)

    def takes_files(self, name: str) -> bool:
        """Return whether a model takes files; for a model that is new to this process, whether any model does."""
        found = self.estimators.get(name) or self._made_of.get(name)
        return self.any_files if found is None else found.files is not None

    def is_known(self, name: str) -> bool:
        """Return whether `check` passes without the store, as for most requests."""
        return name in self.estimators or name in self._made_of

    def check(self, name: str) -> None:
        """Raise as `[name]` does. Earlier findings are trusted: the versions themselves are looked up later."""
        if not self.is_known(name):
            self._looked_up(name)

    def names(self) -> list[str]:
        """Return the names of all models whose estimators exist; raise OSError."""
        made = [name for name in self._store.registry.names() if name not in self.estimators]
        return sorted([*self.estimators, *filter(self._is_usable, made)])

    def for_fit(self, name: str, wanted: str | None) -> AnyEstimator:
        """Return the estimator for a fit of a model, which may be its first.

        Raise NotFound for a model that does not exist, Conflict for a model of another estimator than `wanted`,
        and Invalid for a name that is not valid or an unknown estimator.
        """
        if wanted is not None and wanted not in self.estimators:
            raise Invalid.at("/estimator", f"no estimator {wanted[:64]!r}; there are {', '.join(self.estimators)}")
        try:
            made_of = self.estimators[name] if name in self.estimators else self._looked_up(name)
        except NotFound:
            if wanted is None:
                raise
            check_model_name(name)
            return self.estimators[wanted]
        if wanted not in {None, made_of.name}:
            raise Conflict.at("/estimator", f"model {name!r} is made of the estimator {made_of.name!r}")
        return made_of

    def of(self, manifest: Manifest) -> AnyEstimator:
        """Return the estimator of a version; raise Conflict if it is missing."""
        if manifest.provenance is not None:
            return self._imported.estimator(manifest)
        return self.estimator(manifest.made_of, manifest.model)

    def check_usable(self, manifest: Manifest) -> None:
        """Raise Conflict as `require_usable` does for a version with the current estimator, or if that is missing.

        An imported version has its own estimator, which always fits. It is not created, for its library loads slowly.
        """
        if manifest.provenance is None:
            require_usable(self.of(manifest), manifest)

    def of_work(self, name: str, model: str) -> AnyEstimator:
        """Return the estimator for a checked fit, by its name or by default the model's."""
        return self.estimator(name, model) if name else self[model]

    def estimator(self, name: str, model: str) -> AnyEstimator:
        """Return an estimator of a model; raise Conflict if it is missing."""
        found = self.estimators.get(name)
        if found is None:
            todo = "bring it back (TRINITY_MODELS)"
            raise Conflict(f"model {model!r} is made of the estimator {name[:64]!r}, which is not here; {todo}")
        return found

    def check_imported_name(self, name: str) -> None:
        """Raise Invalid for a name that no model can have, Conflict for the name of an estimator."""
        check_model_name(name)
        if name in self.estimators:
            raise Conflict.at("/model", f"{name!r} is the model of an estimator; import the file under another name")

    def not_found(self, name: str) -> NotFound:
        """Return the error for a model that does not exist, or no longer exists."""
        self._made_of.pop(name, None)
        more = ["…"] * (len(self.estimators) > SHOWN_NAMES)
        known = ", ".join([*sorted(self.estimators)[:SHOWN_NAMES], *more])
        todo = f"a fit that names its `estimator` makes it ({known}); GET /models lists the existing ones"
        return NotFound.at("/model", f"no model {name[:64]!r}; {todo}")

    def _is_usable(self, name: str) -> bool:
        try:
            self.check(name)
        except (NotFound, Conflict):
            return False
        return True

    def _looked_up(self, name: str) -> AnyEstimator:
        """Return the estimator of the newest version that is intact; raise NotFound without one."""
        versions = self._store.versions(name) if MODEL_NAME.fullmatch(name) else []
        for number in reversed(versions):
            with suppress(Damaged, NotFound):
                found = self._made_of[name] = self.of(self._store.manifest(name, number))
                return found
        raise self.not_found(name)


def check_model_name(name: str) -> None:
    """Raise Invalid for a name that no model can have."""
    if not MODEL_NAME.fullmatch(name):
        raise Invalid.at("/model", "a model's name has 1 to 64 of a-z, 0-9, - and _, and begins with a letter or digit")
