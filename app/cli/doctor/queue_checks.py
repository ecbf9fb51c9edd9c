"""Checks of the queue: the ledger and its clock, the broker, and the workers of each lane."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast

from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from app.cli.doctor import CheckResult, State
from app.queue.ledger.scripts import connect
from app.schemas.verbs import VERBS
from app.settings import Settings, masked

TIMEOUT_S = 2.0
REDIS_MAJOR = 7  # the ledger's scripts need it
CLOCK_WARN_S, CLOCK_FAIL_S = 1.0, 60.0
NEARLY_FULL = 0.85
REDIS_COMMAND = "redis-server --appendonly yes --appendfsync always --maxmemory-policy noeviction"


def check_ledger(settings: Settings) -> list[CheckResult]:
    """Check that the ledger responds, saves its data, never evicts it, and has the same time as this machine."""
    where = masked(settings.ledger_url or "")
    redis = connect(settings.ledger_url or "", TIMEOUT_S)
    try:
        info = redis.info()
        seconds, microseconds = redis.time()
        ahead_s = time.time() - seconds - microseconds / 1e6
        checks = [_version(where, info), _append_only(info), _sync_policy(redis, info), _eviction_policy(info)]
        return [*checks, *_memory(info), _clock(ahead_s)]
    except AuthenticationError:
        todo = "put the right user and password into TRINITY_LEDGER_URL"
        return [CheckResult("ledger", "fail", f"{where} refuses the password", todo)]
    except RedisError as error:
        todo = "start Redis, or correct TRINITY_LEDGER_URL; without it no job is accepted"
        return [CheckResult("ledger", "fail", f"{where} does not respond ({_first_line(error)})", todo)]
    finally:
        redis.close()


def check_broker(settings: Settings) -> list[CheckResult]:
    """Check that the broker responds and that each lane has a worker."""
    from app.queue.broker import Broker, celery_app

    where, app = masked(settings.broker_url or ""), celery_app(lambda: settings)
    try:
        Broker(app).ping()
    except Exception as error:  # noqa: BLE001  each transport has its own errors
        todo = "start it, or correct TRINITY_BROKER_URL; meanwhile jobs are accepted and wait"
        broker = CheckResult("broker", "fail", f"{where} does not respond ({_first_line(error)})", todo)
        unknown = "unknown while the broker does not respond"
        return [broker, CheckResult("workers", "warn", unknown, "run doctor again when it does")]
    replies = app.control.inspect(timeout=TIMEOUT_S).active_queues() or {}
    return [CheckResult("broker", "ok", where), *_lanes(replies)]


def _version(where: str, info: Mapping[str, Any]) -> CheckResult:
    version = str(info.get("redis_version", ""))
    name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {version}"
    major = version.partition(".")[0]
    if not major.isdecimal() or int(major) < REDIS_MAJOR:
        return CheckResult("ledger", "fail", f"{where}: {name}", f"use Redis {REDIS_MAJOR} or newer, or Valkey")
    return CheckResult("ledger", "ok", f"{where}: {name}")


def _append_only(info: Mapping[str, Any]) -> CheckResult:
    if not info.get("aof_enabled"):
        todo = f"start it with --appendonly yes, or accepted jobs are lost when its process ends: {REDIS_COMMAND}"
        return CheckResult("ledger: appendonly", "fail", "off", todo)
    if info.get("aof_last_write_status") not in {"ok", None}:
        return CheckResult("ledger: appendonly", "fail", "the last write failed", "check its disk and its log")
    return CheckResult("ledger: appendonly", "ok", "yes")


def _sync_policy(redis: Redis, info: Mapping[str, Any]) -> CheckResult:
    part = "ledger: appendfsync"
    if not info.get("aof_enabled"):
        return CheckResult(part, "fail", "appendonly is off", "turn on appendonly first")
    try:
        value = cast("dict[str, str]", redis.config_get("appendfsync")).get("appendfsync", "")
    except RedisError:
        return CheckResult(part, "warn", "unknown, because CONFIG is not allowed", "make sure that it is `always`")
    if value != "always":
        return CheckResult(part, "warn", str(value), f"a power cut may lose accepted jobs: {REDIS_COMMAND}")
    return CheckResult(part, "ok", "always")


def _eviction_policy(info: Mapping[str, Any]) -> CheckResult:
    policy = str(info.get("maxmemory_policy", ""))
    if policy == "noeviction":
        return CheckResult("ledger: maxmemory-policy", "ok", policy)
    todo = f"start it with --maxmemory-policy noeviction, or it deletes jobs when its memory is full: {REDIS_COMMAND}"
    return CheckResult("ledger: maxmemory-policy", "fail", policy or "unknown", todo)


def _memory(info: Mapping[str, Any]) -> list[CheckResult]:
    most, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if most and used > NEARLY_FULL * most:
        todo = "raise maxmemory (REDIS_MAXMEMORY), or lower TRINITY_RESULT_TTL: results are deleted early"
        return [CheckResult("ledger: memory", "warn", f"{used / most:.0%} of maxmemory is used", todo)]
    return []


def _clock(ahead_s: float) -> CheckResult:
    apart = abs(ahead_s)
    detail = f"{apart:.1f} s {'ahead of' if ahead_s > 0 else 'behind'} the ledger's clock"
    if apart <= CLOCK_WARN_S:
        return CheckResult("clock", "ok", detail)
    todo = "synchronise both clocks (NTP): jobs have the ledger's time, models and logs this machine's"
    return CheckResult("clock", "fail" if apart > CLOCK_FAIL_S else "warn", detail, todo)


def _lanes(replies: Mapping[str, Any]) -> list[CheckResult]:
    """Return the workers of each lane, from the queues that each worker reports."""
    results = []
    for verb in VERBS:
        workers = sorted(worker for worker, queues in replies.items() if any(each["name"] == verb for each in queues))
        state: State = "ok" if workers else "fail"
        todo = "" if workers else f"start one: python -m app worker --queues {verb}; without it these jobs wait"
        detail = ", ".join(workers) or "no worker serves this lane"
        results.append(CheckResult(f"worker: {verb}", state, detail, todo))
    return results


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
