"""The findings of the checks of a model."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from app.schemas.tasks import Task

SEED = "fix what is random, such as by a parameter random_state: a fit that cannot be repeated cannot be checked"
"""The advice for a fit that does not give the same model twice."""
Result: TypeAlias = Literal["ok", "warning", "failed", "skipped"]


class Finding(msgspec.Struct, frozen=True):
    """The result of one check."""

    check: str
    result: Result
    figure: str = ""
    """The measured value or the finding."""
    advice: str = ""
    """Advice."""


class Description(msgspec.Struct, frozen=True):
    """The model that was found, and its parameters."""

    name: str
    task: Task
    source: str
    finding: Finding
    checks: list[str]
    """The names of the checks for it, in order."""
    takes_files: bool = False
    loaded: list[str] = []
    """The libraries that its code loaded."""


class Report(msgspec.Struct, frozen=True):
    """All findings about a model."""

    subject: str
    task: Task | None
    findings: list[Finding]

    @property
    def failures(self) -> list[Finding]:
        """The required checks that failed."""
        return [finding for finding in self.findings if finding.result == "failed"]
