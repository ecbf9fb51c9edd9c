"""The queue's parts: the ledger and its clock, the broker, and the workers on its lanes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast

from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from app.cli.doctor.result import CheckResult
from app.queue.ledger import connect
from app.schemas.verbs import VERBS
from app.settings import Settings, masked

TIMEOUT_S = 2.0
REDIS_MAJOR = 7  # the ledger's scripts need it
SLOW_CLOCK_S, WRONG_CLOCK_S = 1.0, 60.0
NEARLY_FULL = 0.85
INSPECT_S = 2.0
COMPOSE = "redis-server --appendonly yes --appendfsync always --maxmemory-policy noeviction"


def check_ledger(settings: Settings) -> list[CheckResult]:
    """Find whether the ledger answers, keeps what it is told, never evicts it, and has the time."""
    where = masked(settings.ledger_url or "")
    redis = connect(settings.ledger_url or "", TIMEOUT_S)
    try:
        info = redis.info()
        seconds, microseconds = redis.time()
        ahead_s = time.time() - seconds - microseconds / 1e6
        return [
            _version(where, info),
            _kept(info),
            _synced(redis, info),
            _evicting(info),
            *_memory(info),
            _clock(ahead_s),
        ]
    except AuthenticationError:
        todo = "put the right user and password into TRINITY_LEDGER_URL"
        return [CheckResult("ledger", "fail", f"{where} refuses the password", todo)]
    except RedisError as error:
        todo = "start Redis, or correct TRINITY_LEDGER_URL; until then no job is accepted"
        return [CheckResult("ledger", "fail", f"{where} doesn't answer ({_first_line(error)})", todo)]
    finally:
        redis.close()


def check_broker(settings: Settings) -> list[CheckResult]:
    """Find whether the broker answers, and each lane has a worker."""
    from app.queue.broker import Broker, celery_app

    where = masked(settings.broker_url or "")
    try:
        Broker(celery_app(lambda: settings)).ping()
    except Exception as error:  # noqa: BLE001  each transport has errors of its own
        todo = "start it, or correct TRINITY_BROKER_URL; jobs are accepted meanwhile, and wait"
        unknown = CheckResult("workers", "warn", "not known while the broker doesn't answer", "ask again when it does")
        return [CheckResult("broker", "fail", f"{where} doesn't answer ({_first_line(error)})", todo), unknown]
    return [CheckResult("broker", "ok", where), *_lanes(settings)]


def _version(where: str, info: Mapping[str, Any]) -> CheckResult:
    version = str(info.get("redis_version", ""))
    name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {version}"
    major = version.partition(".")[0]
    if not major.isdecimal() or int(major) < REDIS_MAJOR:
        return CheckResult("ledger", "fail", f"{where}: {name}", f"use Redis {REDIS_MAJOR} or newer, or Valkey")
    return CheckResult("ledger", "ok", f"{where}: {name}")


def _kept(info: Mapping[str, Any]) -> CheckResult:
    if not info.get("aof_enabled"):
        todo = f"start it with --appendonly yes, or accepted jobs are lost with its process: {COMPOSE}"
        return CheckResult("ledger: appendonly", "fail", "off", todo)
    if info.get("aof_last_write_status") not in {"ok", None}:
        return CheckResult("ledger: appendonly", "fail", "the last write failed", "look at its disk and its log")
    return CheckResult("ledger: appendonly", "ok", "yes")


def _synced(redis: Redis, info: Mapping[str, Any]) -> CheckResult:
    part = "ledger: appendfsync"
    if not info.get("aof_enabled"):
        return CheckResult(part, "fail", "there is nothing to sync without appendonly", "turn on appendonly first")
    try:
        value = cast("dict[str, str]", redis.config_get("appendfsync")).get("appendfsync", "")
    except RedisError:
        return CheckResult(part, "warn", "it doesn't tell (CONFIG isn't allowed)", "see that it is `always`")
    if value != "always":
        return CheckResult(part, "warn", str(value), f"a power cut may lose accepted jobs: {COMPOSE}")
    return CheckResult(part, "ok", "always")


def _evicting(info: Mapping[str, Any]) -> CheckResult:
    policy = str(info.get("maxmemory_policy", ""))
    if policy != "noeviction":
        todo = f"start it with --maxmemory-policy noeviction, or it throws jobs away when it is full: {COMPOSE}"
        return CheckResult("ledger: maxmemory-policy", "fail", policy or "unknown", todo)
    return CheckResult("ledger: maxmemory-policy", "ok", policy)


def _memory(info: Mapping[str, Any]) -> list[CheckResult]:
    most, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if most and used > NEARLY_FULL * most:
        todo = "raise maxmemory (REDIS_MAXMEMORY), or lower TRINITY_RESULT_TTL: results expire before their time"
        return [CheckResult("ledger: memory", "warn", f"{used / most:.0%} of maxmemory is used", todo)]
    return []


def _clock(ahead_s: float) -> CheckResult:
    apart = abs(ahead_s)
    detail = f"{apart:.1f} s {'before' if ahead_s > 0 else 'behind'} the ledger's"
    if apart <= SLOW_CLOCK_S:
        return CheckResult("clock", "ok", detail)
    todo = "have both machines keep time (NTP): jobs carry the ledger's time, models and logs this one's"
    return CheckResult("clock", "fail" if apart > WRONG_CLOCK_S else "warn", detail, todo)


def _lanes(settings: Settings) -> list[CheckResult]:
    """Return a line for each lane: which workers serve it."""
    from app.queue.broker import celery_app

    answers = celery_app(lambda: settings).control.inspect(timeout=INSPECT_S).active_queues() or {}
    serving = {
        verb: sorted(worker for worker, queues in answers.items() if any(each["name"] == verb for each in queues))
        for verb in VERBS
    }
    return [
        CheckResult(f"worker: {verb}", "ok", ", ".join(workers))
        if workers
        else CheckResult(
            f"worker: {verb}",
            "fail",
            "no worker answers on this lane",
            f"start one: python -m app worker --queues {verb}; until then these jobs wait",
        )
        for verb, workers in serving.items()
    ]


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
