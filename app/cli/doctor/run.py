"""Run the checks in parallel with a time limit, and mask secrets in their results."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from app.cli.doctor import CheckResult
from app.cli.doctor.queue_checks import check_broker, check_ledger
from app.cli.doctor.system_checks import check_libraries, check_store
from app.cli.doctor.version_checks import check_versions
from app.settings import SECRETS, URLS, Mode, Settings, SettingsError, load

TIMEOUT_S = 10.0
Check = Callable[[Settings], list[CheckResult]]
ALWAYS: dict[str, Check] = {"libraries": check_libraries, "store": check_store, "versions": check_versions}
QUEUED: dict[str, Check] = {"ledger": check_ledger, "broker": check_broker}


def run_all() -> list[CheckResult]:
    """Return all results, the settings first; if these are wrong, nothing else is checked."""
    try:
        settings = load()
    except SettingsError as error:
        problems = str(error).splitlines()
        return [CheckResult("settings", "fail", each, "correct it in the environment or in .env") for each in problems]
    checks = ALWAYS | (QUEUED if settings.mode is Mode.ASYNC else {})
    first = CheckResult("settings", "ok", f"{settings.mode} mode, models from {settings.models}")
    python = CheckResult("python", "ok", platform.python_version())  # an older Python could not import this
    return [first, python, *run_checks(checks, settings)]


def run_checks(checks: Mapping[str, Check], settings: Settings) -> list[CheckResult]:
    """Return the results in the order of the checks; a check that is late fails."""
    results: dict[str, list[CheckResult]] = {}

    def run(part: str, check: Check) -> None:
        try:
            results[part] = check(settings)
        except Exception as error:  # noqa: BLE001  a check may raise anything, and the others still run
            todo = f"find out why {part} cannot be checked"
            results[part] = [CheckResult(part, "fail", f"{type(error).__name__}: {error}", todo)]

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in checks.items()]
    end = time.monotonic() + TIMEOUT_S
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    late, todo = f"no result within {TIMEOUT_S:g} seconds", "find out whether it hangs, and restart it"
    ordered = (results.get(part) or [CheckResult(part, "fail", late, todo)] for part in checks)
    return [replace(result, detail=_masked(settings, result.detail)) for each in ordered for result in each]


def _masked(settings: Settings, text: str) -> str:
    """Return the text with every secret masked, as it is set and as a library may quote it."""
    passwords = [password for name in URLS if (password := urlsplit(getattr(settings, name) or "").password)]
    values = [value for name in SECRETS if (value := getattr(settings, name))]
    for secret in sorted([*values, *passwords, *map(unquote, passwords)], key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
