"""Runs the checks, all at once, each for so long at the most, and keeps secrets out of what they say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from app.cli.doctor.queue_checks import check_broker, check_ledger
from app.cli.doctor.result import CheckResult
from app.cli.doctor.system_checks import check_libraries, check_python, check_store
from app.settings import SECRETS, URLS, Mode, Settings, SettingsError, load

LIMIT_S = 10.0
Check = Callable[[Settings], list[CheckResult]]
ALWAYS: dict[str, Check] = {"python": check_python, "libraries": check_libraries, "store": check_store}
QUEUED: dict[str, Check] = {"ledger": check_ledger, "broker": check_broker}


def examine(limit_s: float = LIMIT_S) -> list[CheckResult]:
    """Return what is found, the settings of the environment first; nothing else can be asked while they are wrong."""
    try:
        settings = load()
    except SettingsError as error:
        problems = str(error).splitlines()
        return [CheckResult("settings", "fail", each, "correct it in the environment or in .env") for each in problems]
    queued = settings.mode is Mode.ASYNC
    finding = CheckResult("settings", "ok", f"{settings.mode} mode, models from {settings.models}")
    return [finding, *run_checks({**ALWAYS, **(QUEUED if queued else {})}, settings, limit_s)]


def run_checks(checks: Mapping[str, Check], settings: Settings, limit_s: float) -> list[CheckResult]:
    """Return what the checks find, in their order; one that doesn't end in time has found that."""
    found: dict[str, list[CheckResult]] = {}

    def look(part: str, check: Check) -> None:
        try:
            found[part] = check(settings)
        except Exception as error:  # noqa: BLE001  whatever a part does, the others are looked at
            found[part] = [
                CheckResult(part, "fail", f"{type(error).__name__}: {error}", f"see why {part} can't be checked")
            ]

    threads = [threading.Thread(target=look, args=each, daemon=True) for each in checks.items()]
    end = time.monotonic() + limit_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    late = f"no answer within {limit_s:g} seconds"
    findings = [
        finding
        for part in checks
        for finding in found.get(part) or [CheckResult(part, "fail", late, "see whether it hangs; restart it")]
    ]
    return [replace(finding, detail=without(secrets_of(settings), finding.detail)) for finding in findings]


def secrets_of(settings: Settings) -> list[str]:
    """Return every text that must not be shown, as it is set and as a library may quote it."""
    urls = [url for name in URLS if (url := getattr(settings, name))]
    passwords = [password for url in urls if (password := urlsplit(url).password)]
    kept = [str(value) for name in SECRETS if (value := getattr(settings, name))]
    return [*kept, *passwords, *map(unquote, passwords)]


def without(secrets: list[str], text: str) -> str:
    """Return the text with every secret masked."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
