"""Checks of this machine: the libraries, the models and the store."""

from __future__ import annotations

import re
import shutil
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from app.bootstrap import build
from app.cli.doctor import CheckResult
from app.settings import Settings, SettingsError
from app.telemetry.tracing_setup import wanted as tracing_wanted

LIBRARIES = ("falcon", "gunicorn", "celery", "redis", "kombu", "msgspec", "numpy", "scipy")
PYPROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"
LOW_SPACE_BYTES, NO_SPACE_BYTES = 1024**3, 64 * 1024**2
GIB = 1024**3


def check_libraries(settings: Settings) -> list[CheckResult]:
    """Compare the libraries' versions with the ranges in pyproject.toml, if it is there; images do not have it.

    The libraries for traces must only be installed, and only if traces are on.
    """
    from packaging.requirements import Requirement

    problems = []
    for requirement in map(Requirement, _requirements()):
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            problems.append(f"{requirement.name} is not installed")
            continue
        if found not in requirement.specifier:
            problems.append(f"{requirement.name} is {found}, but {requirement.specifier} is needed")
    if problems:
        return [CheckResult("libraries", "fail", each, "pip install -r requirements/server.txt") for each in problems]
    try:
        tracing_wanted(settings)
    except SettingsError as error:
        todo = "install them (in containers: build with EXTRAS=tracing), or unset the variable"
        return [CheckResult("libraries", "fail", str(error), todo)]
    return [CheckResult("libraries", "ok", ", ".join(f"{name} {version(name)}" for name in LIBRARIES))]


def _requirements() -> list[str]:
    """Return the server's requirements, from pyproject.toml if it is there."""
    if not PYPROJECT.is_file():
        return list(LIBRARIES)
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["server"]]


def check_store(settings: Settings) -> list[CheckResult]:
    """Check that the models load, that the store is writable, and how much space it has."""
    try:
        components = build(settings)
    except SettingsError as error:
        todo = "correct TRINITY_MODELS, TRINITY_DEFAULT_MODEL or the module"
        return [CheckResult("models", "fail", str(error), todo)]
    models = CheckResult("models", "ok", ", ".join(sorted(components.service.models.estimators)))
    try:
        components.check_store()
    except SettingsError as error:
        todo = f"let this user write to {Path(settings.store).resolve()}, or set TRINITY_STORE"
        return [models, CheckResult("store", "fail", re.sub(r"^TRINITY_STORE: ", "", str(error)), todo)]
    return [models, _space(Path(settings.store).resolve()), *_leftovers(components.store.leftovers())]


def _leftovers(paths: list[Path]) -> list[CheckResult]:
    if not paths:
        return []
    detail = f"{len(paths)} files or folders of killed processes are left, such as {paths[0]}"
    todo = "nothing: the next fit of the model or the next start removes them; or remove them"
    return [CheckResult("store", "warn", detail, todo)]


def _space(folder: Path) -> CheckResult:
    free = shutil.disk_usage(folder).free
    detail = f"{folder} can be written to, {free / GIB:.1f} GiB are free"
    if free < LOW_SPACE_BYTES:
        todo = "free some space, or remove old versions and results: a fit needs space for its version"
        return CheckResult("store", "fail" if free < NO_SPACE_BYTES else "warn", detail, todo)
    return CheckResult("store", "ok", detail)
