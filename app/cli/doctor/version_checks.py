"""Checks of the versions that aliases point to: each is read whole, its digests are compared, and it is restored."""

from __future__ import annotations

from app.bootstrap import build
from app.cli.doctor import CheckResult
from app.errors import Conflict, Damaged, NotFitted, NotFound, TrinityError
from app.service import Service
from app.service.version_checks import VersionChecks
from app.settings import Settings, SettingsError

PART = "versions"
ADVICE: dict[type[TrinityError], str] = {
    Damaged: "put its folder back from a backup, or fit again; until then predict with another version",
    Conflict: "give the class its old parameters again, or fit again; until then predict with another version",
    NotFound: "put its folder back, or write the number of an existing version into the file of the alias",
    NotFitted: "put its folder back, or fit again",
}
OTHER_ADVICE = "correct the model's class, or fit again"


def check_versions(settings: Settings) -> list[CheckResult]:
    """Check the version of each alias, and whether older versions still match their classes."""
    try:
        service = build(settings).service
    except SettingsError:
        return []  # the check of the store reports this
    good: list[str] = []
    results: list[CheckResult] = []
    for name in sorted({*service.models.estimators, *service.store.registry.names()}):
        for alias in service.store.alias_names(name):
            found = _check(service, name, alias)
            if isinstance(found, int):
                good.append(f"{name} {found} ({alias})")
            else:
                results.append(found)
        results.extend(_older(service, name))
    if good or not results:
        results.insert(0, CheckResult(PART, "ok", f"intact: {', '.join(good)}" if good else "none was fitted yet"))
    return results


def _check(service: Service, name: str, alias: str) -> int | CheckResult:
    """Return the number of the version that an alias points to, or the problem with it."""
    try:
        manifest = service.fitted(name, alias).manifest
        service.store.sample(manifest)
    except TrinityError as error:
        return CheckResult(PART, "fail", f"{name}, {alias}: {error.detail}", ADVICE.get(type(error), OTHER_ADVICE))
    except OSError as error:
        detail = f"{name}, {alias}: the version cannot be read ({error.strerror})"
        return CheckResult(PART, "fail", detail, "let this user read the files below models/ in the store")
    return manifest.version


def _older(service: Service, name: str) -> list[CheckResult]:
    """Return a warning for versions without an alias that do not match their class; their arrays are not read."""
    checks = VersionChecks(service.models, service.store)
    named = set(service.store.aliases(name).values())
    problems = {number: checks.problem(name, number) for number in service.store.versions(name) if number not in named}
    unusable = {number: problem for number, problem in problems.items() if problem}
    if not unusable:
        return []
    newest = max(unusable)
    more = f"; {len(unusable)} older versions cannot be used" if len(unusable) > 1 else ""
    todo = "predict with other versions, or bring back what is missing"
    return [CheckResult(PART, "warn", f"{name}: {unusable[newest]}{more}", todo)]
