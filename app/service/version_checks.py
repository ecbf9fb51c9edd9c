"""Checks by manifests alone, without arrays, whether versions can be used by the current classes."""

from __future__ import annotations

from app.errors import Conflict, Damaged, NotFound
from app.service.models import Models
from app.service.service import Service
from app.storage.file_states import FileState
from app.storage.model_store import Store


class VersionChecks:
    """Checks the versions that aliases name. An unchanged manifest is not read again."""

    def __init__(self, models: Models, store: Store) -> None:
        self._models = models
        self._store = store
        self._found: dict[tuple[str, int], tuple[FileState, str]] = {}

    def problem(self, name: str, version: int) -> str:
        """Return why a version cannot be used, '' if it can; raise NotFound or OSError."""
        revision = self._store.revision(name, version)
        seen = self._found.get((name, version))
        if seen is not None and seen[0] == revision:
            return seen[1]
        problem = ""
        try:
            manifest = self._store.manifest(name, version)
            self._models.check_usable(manifest)
        except (Conflict, Damaged) as error:
            problem = error.detail
        self._found[name, version] = revision, problem
        return problem

    def aliases(self) -> list[str]:
        """Return the problems of aliases and of the versions that they name; raise OSError."""
        problems = []
        for name in sorted({*self._models.estimators, *self._store.registry.names()}):
            for alias in self._store.alias_names(name):
                try:
                    problem = self.problem(name, self._store.resolve(name, alias))
                except (NotFound, Damaged) as error:
                    problem = error.detail
                if problem:
                    problems.append(f"{name}, {alias}: {problem}")
        return problems


def stand_in_warnings(service: Service) -> list[str]:
    """Return which versions cannot be loaded, so that other versions answer in this process."""
    return [
        f"{name}: version {last} answers in place of version {number}, which cannot be loaded: {why}"
        for name, (number, last, why) in sorted(service.stand_ins().items())
    ]
