"""Trinity: models with fit, predict and score over HTTP; `gunicorn app:api` serves them, inline or queued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.serve.api import Api

    api: Api


def __getattr__(name: str) -> Any:
    """Build the API when it is first asked for: importing `app.tasks` must not import Falcon."""
    if name != "api":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from app.web import build_api  # noqa: PLC0415  see above

    globals()["api"] = build_api()
    return globals()["api"]
