"""Check a model: each check runs in a child process, so that a hang or crash becomes a finding."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from app.errors import Unavailable
from app.model.isolation.environment import module_environment
from app.model.isolation.isolated_calls import CallFailed, CallLimits, IsolatedCalls
from app.model.isolation.scratch import temporary_folder
from app.schemas.decoding import convert
from app.service.contract.checks import CHECKS
from app.service.contract.findings import Description, Finding, Report
from app.service.contract.subject import Subject, module_of

MIB = 1024**2
LIMITS = CallLimits(memory_bytes=2048 * MIB, time_s=60.0)
CHILD = "app.service.contract.child"
BOUNDS = "a model that ends or holds up its process takes the requests of others with it"
FILE_BOUNDS = f"{BOUNDS}; with the attribute `isolated` only the file is refused (docs/files.md, isolated calls)"


def check_file(path: str | Path, name: str = "", limits: CallLimits = LIMITS) -> Report:
    """Check the model in a file of Python; `name` selects one of several."""
    folder, module = module_of(Path(path))
    return check_model(Subject(modules=[module], folder=folder, name=name), limits)


def check_model(subject: Subject, limits: CallLimits = LIMITS) -> Report:
    """Return all findings; if a model cannot be found or fitted, the checks that need it are skipped."""
    where = subject.name or ", ".join(subject.modules)
    arguments: dict[str, Any] = msgspec.to_builtins(subject)
    try:
        found = _call(limits, [CHILD], f"{CHILD}:describe", subject=arguments)
    except CallFailed as error:
        words = str(error) if error.failure else f"its code {error}"
        return Report(where, None, [Finding("found", "failed", words, "see TRINITY_MODELS and the file"), *_skipped()])
    about = convert(found, Description)
    if about.finding.result == "failed":
        return Report(about.source, about.task, [about.finding, *_skipped(about.checks)])
    if about.takes_files:
        limits = limits._replace(file_bytes=limits.memory_bytes)
    calls = IsolatedCalls(limits, [CHILD, *about.loaded], module_environment(os.environ))
    try:
        findings = _findings(calls, arguments, about)
    finally:
        calls.close()
    return Report(about.source, about.task, [about.finding, *findings])


def _findings(calls: IsolatedCalls, subject: dict[str, Any], about: Description) -> list[Finding]:
    findings: list[Finding] = []
    for check in about.checks:
        findings += _run(calls, check, subject, FILE_BOUNDS if about.takes_files else BOUNDS)
        if findings[0].result == "failed":
            return [*findings, *_skipped(about.checks[1:])]
    return findings


def _run(calls: IsolatedCalls, check: str, subject: dict[str, Any], bounds: str) -> list[Finding]:
    with temporary_folder("check") as scratch:  # here, because the child may end at any point
        try:
            found = calls.call(f"{CHILD}:run_check", check=check, subject=subject, scratch=str(scratch))
        except CallFailed as error:
            return [Finding(check, "failed", f"the model {error}", bounds)]
        except Unavailable as error:
            return [Finding(check, "failed", error.detail)]
    return convert(found, list[Finding])


def _call(limits: CallLimits, preload: list[str], target: str, **arguments: Any) -> Any:
    calls = IsolatedCalls(limits, preload, module_environment(os.environ))
    try:
        return calls.call(target, **arguments)
    finally:
        calls.close()


def _skipped(checks: Iterable[str] = CHECKS) -> list[Finding]:
    return [Finding(check, "skipped") for check in checks]
