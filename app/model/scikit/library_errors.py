"""Errors of libraries in a call of a scikit-learn estimator: they refuse data and parameters not only by ValueError."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from app.model.scikit.inputs import LIBRARIES

_KNOWN = {*LIBRARIES, "joblib", "numpy", "pandas", "pyarrow", "scipy", *sys.stdlib_module_names}
_OF_THE_MACHINE = (MemoryError, OSError)


def call_estimator(method: Callable[..., Any], *values: Any, **named: Any) -> Any:
    """Call a method of an estimator; raise ValueError for an error in which only libraries took part.

    scikit-learn raises TypeError for a column of times, OverflowError for a too large number, and LightGBM an error
    of its own for parameters. The same error in a class or function of one's own is a bug, and raised unchanged.
    """
    try:
        return method(*values, **named)
    except (ValueError, *_OF_THE_MACHINE):
        raise
    except Exception as error:
        place = error.__traceback__
        if place is None or not _only_libraries(place.tb_next):
            raise
        # with its traceback, from which the log has the location
        raise ValueError(str(error) or type(error).__name__).with_traceback(place.tb_next) from error


def _only_libraries(place: TracebackType | None) -> bool:
    frames = (frame for frame, _ in traceback.walk_tb(place))
    return all(str(frame.f_globals.get("__name__")).partition(".")[0] in _KNOWN for frame in frames)
