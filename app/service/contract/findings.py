"""What the checks of a model found."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from app.schemas.tasks import Task

Result: TypeAlias = Literal["ok", "warning", "failed", "skipped"]


class Finding(msgspec.Struct, frozen=True):
    """The result of one check."""

    check: str
    result: Result
    figure: str = ""
    """What was measured or found."""
    advice: str = ""
    """What to do about it."""


class Description(msgspec.Struct, frozen=True):
    """A model as it was found, and what its parameters are."""

    name: str
    task: Task
    source: str
    finding: Finding
    loaded: list[str] = []
    """The libraries that its code loaded."""


class Report(msgspec.Struct, frozen=True):
    """All that was found about a model."""

    subject: str
    task: Task | None
    findings: list[Finding]

    @property
    def failures(self) -> list[Finding]:
        """The required checks that failed."""
        return [finding for finding in self.findings if finding.result == "failed"]
