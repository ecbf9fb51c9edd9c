"""The command doctor and its checks: one function for each part, each in its own thread with a time limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class CheckResult:
    """One line of doctor's output: the part, its state, a description, and what to do unless it is ok."""

    part: str
    state: State
    detail: str
    todo: str = ""
