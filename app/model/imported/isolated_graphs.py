"""Runs predictions of ONNX graphs with loops: each in a separate process, under limits of memory and time.

The values of a row can make a loop endless. The file, the rows and the predictions pass through a folder.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import NoReturn

import msgspec
import numpy as np

from app.errors import Invalid, ModelFailed
from app.model.base import NotNumbers
from app.model.dataframes import Array
from app.model.imported.imported_model import Hints
from app.model.isolation.isolated_calls import CallFailed, CallLimits, IsolatedCalls
from app.model.isolation.scratch import SCRATCH, Scratch, temporary_folder

CHILD = "app.model.imported.isolated_graph_call"
DEFAULT_LIMITS = CallLimits(2 * 1024**3, 30.0)
GRAPH, ROWS, TEXTS, FOUND, PROBABILITIES = "graph.onnx", "rows.npy", "texts.json", "found.npy", "probabilities.npy"


class IsolatedGraphs:
    """Runs graphs in children of one process, which starts at the first call; `limits` count if they are set before.

    `scratch` gives the folders through which files pass.
    """

    def __init__(self) -> None:
        self.limits = DEFAULT_LIMITS
        self.scratch: Scratch = temporary_folder
        self._lock = threading.Lock()
        self._calls: IsolatedCalls | None = None

    def predict(
        self,
        content: bytes,
        hints: Hints,
        approved: Collection[str],
        X: Array,
        texts: Mapping[int, Sequence[str]],
    ) -> tuple[Array, Array | None]:
        """Return numbers or codes for X, and the probabilities if there are some; raise as a graph does here.

        Raise ValueError where the rows make it take more than the limits.
        """
        with self.scratch(SCRATCH) as folder:
            (folder / GRAPH).write_bytes(content)
            (folder / TEXTS).write_bytes(msgspec.json.encode(texts))
            np.save(folder / ROWS, X)
            try:
                self._made().call(
                    f"{CHILD}:predict",
                    folder=str(folder),
                    classes=hints.classes,
                    task=hints.task,
                    approved=sorted(approved),
                )
            except CallFailed as error:
                self._raise(error)
            probabilities = folder / PROBABILITIES
            return np.load(folder / FOUND), np.load(probabilities) if probabilities.exists() else None

    def close(self) -> None:
        """End the process; the next call starts another, with the limits that there are then."""
        with self._lock:
            if self._calls is not None:
                self._calls.close()
                self._calls = None

    def _made(self) -> IsolatedCalls:
        with self._lock:
            if self._calls is None:
                limits = self.limits._replace(file_bytes=self.limits.memory_bytes)  # what is predicted is written
                self._calls = IsolatedCalls(limits, needed=[CHILD, "onnxruntime"])
            return self._calls

    def _raise(self, error: CallFailed) -> NoReturn:
        if error.failure is not None and error.failure.kind == Invalid.kind:
            raise ValueError(error.failure.detail) from error
        if error.failure is not None and error.failure.kind == ModelFailed.kind:
            raise NotNumbers(error.failure.detail) from error
        if error.failure is not None or error.raised:
            raise RuntimeError(str(error)) from error
        raise ValueError(
            f"for these rows the ONNX graph cannot be run: it {error}. "
            "Send fewer rows; if one is too many, its values make the graph run so long or take so much"
        ) from error


isolated_graphs = IsolatedGraphs()
"""Those of this process."""
