"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class CheckResult:
    """One line of the doctor's: the part, how it is, in words, and what to do unless it is well."""

    part: str
    state: State
    detail: str
    todo: str = ""
