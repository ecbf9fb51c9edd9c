"""The variables of the environment that a child process gets: a short list, so that no secret is among them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

ALLOWED = frozenset(
    {
        "PATH",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TMPDIR",
        "OPENBLAS_CORETYPE",
        "PYTHONHOME",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONPYCACHEPREFIX",
        "PYTHONUTF8",
        "PYTHONIOENCODING",
    }
)
ALLOWED_STARTS = ("LC_", "OMP_", "KMP_", "MKL_")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
NO_TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1"}
"""Unless this is set, onnxruntime writes an id to TMPDIR and a database below HOME for its telemetry."""


def short_environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a child that loads a foreign file: those of the list."""
    return _completed({name: own[name] for name in own if name in ALLOWED or name.startswith(ALLOWED_STARTS)})


def module_environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a child that runs the operator's modules, which may read them: all except settings."""
    return _completed({name: own[name] for name in own if not name.startswith("TRINITY_")})


def _completed(kept: Mapping[str, str]) -> dict[str, str]:
    """Limit each library to one thread, and add the path of modules."""
    return {**kept, **ONE_THREAD, **NO_TELEMETRY, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
