"""Run the checks in parallel with a time limit, and mask secrets in their results."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from app.cli.doctor import CheckResult
from app.cli.doctor.queue_checks import check_broker, check_ledger
from app.cli.doctor.system_checks import check_libraries, check_python, check_store
from app.settings import SECRETS, URLS, Mode, Settings, SettingsError, load

TIMEOUT_S = 10.0
Check = Callable[[Settings], list[CheckResult]]
ALWAYS: dict[str, Check] = {"python": check_python, "libraries": check_libraries, "store": check_store}
QUEUED: dict[str, Check] = {"ledger": check_ledger, "broker": check_broker}


def run_all(timeout_s: float = TIMEOUT_S) -> list[CheckResult]:
    """Return all results, the settings first; while they are wrong, nothing else is checked."""
    try:
        settings = load()
    except SettingsError as error:
        problems = str(error).splitlines()
        return [CheckResult("settings", "fail", each, "correct it in the environment or in .env") for each in problems]
    queued = settings.mode is Mode.ASYNC
    first = CheckResult("settings", "ok", f"{settings.mode} mode, models from {settings.models}")
    return [first, *run_checks({**ALWAYS, **(QUEUED if queued else {})}, settings, timeout_s)]


def run_checks(checks: Mapping[str, Check], settings: Settings, timeout_s: float) -> list[CheckResult]:
    """Return the results in the order of the checks; a check that is late fails."""
    results: dict[str, list[CheckResult]] = {}

    def run(part: str, check: Check) -> None:
        try:
            results[part] = check(settings)
        except Exception as error:  # noqa: BLE001  a check may raise anything, and the others still run
            todo = f"find out why {part} cannot be checked"
            results[part] = [CheckResult(part, "fail", f"{type(error).__name__}: {error}", todo)]

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in checks.items()]
    end = time.monotonic() + timeout_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    late, todo = f"no result within {timeout_s:g} seconds", "find out whether it hangs, and restart it"
    ordered = (results.get(part) or [CheckResult(part, "fail", late, todo)] for part in checks)
    secrets = secrets_of(settings)
    return [replace(result, detail=mask(secrets, result.detail)) for each in ordered for result in each]


def secrets_of(settings: Settings) -> list[str]:
    """Return every text that must not be shown, as set and as a library may quote it."""
    urls = [url for name in URLS if (url := getattr(settings, name))]
    passwords = [password for url in urls if (password := urlsplit(url).password)]
    values = [str(value) for name in SECRETS if (value := getattr(settings, name))]
    return [*values, *passwords, *map(unquote, passwords)]


def mask(secrets: list[str], text: str) -> str:
    """Return the text with every secret masked."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
