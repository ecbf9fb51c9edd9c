"""Trinity: models with fit, predict and score over HTTP; `gunicorn app:api` serves them, inline or queued."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from app.schemas.version import VERSION

__version__ = VERSION

# One thread of BLAS and of OpenMP a process: two fits at once would compete for the processors and take ten times as
# long, and a process that is forked from one with threads of OpenMP hangs. It must be set before numpy is imported.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
# Unless this is set when it is loaded, onnxruntime sends data to its makers, and writes an id to TMPDIR and HOME.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from app.serve.asgi import Asgi

    api: Asgi


def __getattr__(name: str) -> Any:
    """Build the API on first use: importing `app.tasks` must not import Falcon."""
    if name != "api":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from app.bootstrap import build_api  # noqa: PLC0415  see above

    globals()["api"] = build_api()
    return globals()["api"]
