"""Models in ONNX, run by onnxruntime."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from app.errors import Invalid
from app.model.dataframes import Array
from app.model.imported.imported_model import (
    Hints,
    ImportedModel,
    by_probability,
    codes,
    labels_of,
    refuse_classes,
    task_of,
)
from app.model.imported.isolated_graphs import isolated_graphs
from app.model.imported.onnx_graph import read_graph
from app.model.imported.onnx_inputs import BOOLEAN, FLOATS, INTEGERS, TEXT, Feed, columns_of, fixed_rows
from app.model.imported.onnx_memory import EXHAUSTED, NOTHING_LEFT, SHRINKS, memory
from app.model.imported.onnx_operators import is_unbounded, takes_missing
from app.model.isolation.child import in_child
from app.schemas.tasks import Label

_LABELS = {"tensor(int64)", TEXT}
"""The types of outputs that are labels also beside scores, unless the request says that they are numbers."""
_MAPS = "seq(map("
_NO_CLASSES = (
    "the file does not say its classes; name them in their order: ?classes=a,b; "
    "or say kind=regressor if its whole numbers are no classes"
)
_NO_PROBABILITIES = "its scores are no probabilities, as they are not from 0 to 1: it gives labels alone"
_EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"
_LOAD_FORMAT = "session.load_model_format"
_NOWHERE = "/nonexistent"
_PLACE = re.compile(r"(?:\S*/onnxruntime_src/|\b\w+\.cc:\d).*(?: was false\. |\) (?=[A-Z]))|\b\w+\.cc:\d+ \w+ ")
"""The location and the check in the runtime's code, which precede its message."""


ROUNDING = 1e-3
"""By how much probabilities of float16 may be beyond 0 and 1."""


class OnnxModel(ImportedModel):
    """A graph with tables as inputs: one of all columns, or one for each column."""

    format = "onnx"

    def __init__(self, content: bytes, hints: Hints, approved: Collection[str] = ()) -> None:
        super().__init__(content)
        graph = read_graph(content, approved)
        self._approved = frozenset(approved)
        self.takes_missing = takes_missing(graph.operators)
        self._session = session = _session(content)
        self._run_options = _run_options()
        self._feeds = [Feed(each.name, each.type, each.shape) for each in session.get_inputs()]
        takes_texts = any(feed.kind == "text" for feed in self._feeds)
        self.isolated = is_unbounded(graph.operators, has_texts=takes_texts or graph.has_long_texts)
        self._outputs = [each.name for each in session.get_outputs()]
        self._fixed_rows = fixed_rows(self._feeds)
        self.inputs = columns_of(self._feeds)
        self.named_inputs = len(self._feeds) > 1
        self._describe(session.get_outputs(), graph.labels, hints)

    def _describe(self, outputs: Sequence[Any], own: list[Label] | None, hints: Hints) -> None:
        types = [each.type for each in outputs]
        asks_labels = hints.task == "classification" if hints.task else hints.classes is not None
        self._score = next((i for i, kind in enumerate(types) if kind in FLOATS or kind.startswith(_MAPS)), None)
        self._label = _first(types, _LABELS)
        if self._label is None and self._score is None:
            self._label = _first(types, {BOOLEAN, *(INTEGERS if asks_labels else ())})
        label = None if self._label is None else types[self._label]
        own = [False, True] if label == BOOLEAN else own
        if not (asks_labels or (hints.task is None and self._label is not None)):
            if self._label is not None and (own is not None or label == TEXT):
                task_of("classification", hints)
            refuse_classes(hints)
            self._describe_numbers(outputs)
            return
        self.task = "classification"
        self.has_probabilities = self._score is not None
        own = own or self._labels_of_maps(types)
        count = self._count(outputs)
        known = own if own is not None and count in {None, len(own)} else None
        if hints.classes is None and known is None and (count is None or self._label is not None):
            raise Invalid.at("/classes", _NO_CLASSES)
        self.classes = labels_of(count or len(known or hints.classes or ()), known, hints)
        # the graph predicts a label of its own, or else the position of a class
        texts = label == TEXT
        names = [str(label) for label in self.classes] if known is None and texts else known or range(len(self.classes))
        self._positions = {label: code for code, label in enumerate(names)}

    def _describe_numbers(self, outputs: Sequence[Any]) -> None:
        types = [each.type for each in outputs]
        self._score = _first(types, FLOATS.keys())
        if self._score is None:
            self._score = _first(types, INTEGERS.keys())
        if self._score is None:
            raise Invalid.at("/file", "the ONNX file has no output with numbers")
        shape = outputs[self._score].shape
        self.task, self.classes = "regression", None
        if len(shape) == 2 and isinstance(shape[1], int):  # noqa: PLR2004  rows, and outputs
            self.outputs = shape[1]
        else:
            found = self._found_for_zeros(self._score)
            self.outputs = 1 if found is None else max(1, int(np.size(found)))
        self.vector = self.outputs == 1

    def _labels_of_maps(self, types: Sequence[str]) -> list[Label] | None:
        """Return the keys of the maps that some files return instead of a table of probabilities."""
        if self._score is None or not types[self._score].startswith(_MAPS):
            return None
        found = self._found_for_zeros(self._score)
        return None if found is None else list(found[0])

    def _found_for_zeros(self, output: int) -> Any:
        """Return an output for a row of zeros; None for a graph of texts, and one that may not run in this process."""
        if any(feed.kind == "text" for feed in self._feeds) or (self.isolated and not in_child()):
            return None
        try:
            return self._ran([self._outputs[output]], np.zeros((1, self.width)))[0]
        except (RuntimeError, ValueError):  # other rows may do better, or say what is wrong
            return None

    def observe(self, X: Array) -> list[str]:
        """Give no probabilities if the scores of a classifier are none, such as logits; return the warning."""
        if self.task != "classification" or not self.has_probabilities:
            return []
        found = self.run(X)[1]
        if found is None or not ((found < -ROUNDING) | (found > 1 + ROUNDING)).any():
            return []
        self.has_probabilities = False
        return [_NO_PROBABILITIES]

    def _count(self, outputs: Sequence[Any]) -> int | None:
        if self._score is None:
            return None
        shape = outputs[self._score].shape
        # (rows, classes), or a single column for the second of two classes
        return max(shape[1], 2) if len(shape) == 2 and isinstance(shape[1], int) else None  # noqa: PLR2004

    def _fed(self, X: Array) -> dict[str, Any]:
        feeds, at = {}, 0
        for feed in self._feeds:
            values = X[:, at : at + feed.width]
            texts = [self._texts.get(at + i, ()) for i in range(feed.width)]
            feeds[feed.name] = feed.texts(values, texts) if feed.kind == "text" else feed.array(values)
            at += feed.width
        return feeds

    def _ran(self, outputs: Sequence[str], X: Array) -> list[Any]:
        """Return the graph's outputs for X, run for as many rows at once as it takes."""
        size = self._fixed_rows
        if size is None or len(X) == size:
            return self._ran_once(outputs, X)
        found = []
        for at in range(0, len(X), size):
            rows = X[at : at + size]
            filled = np.concatenate([rows, np.repeat(rows[-1:], size - len(rows), axis=0)])
            found.append([each[: len(rows)] for each in self._ran_once(outputs, filled)])
        return [_joined(parts) for parts in zip(*found, strict=True)]

    def _ran_once(self, outputs: Sequence[str], X: Array) -> list[Any]:
        """Return the graph's outputs for X; raise RuntimeError instead of the runtime's own errors.

        Raise ValueError if it needs too much memory for these rows, MemoryError if the process has too little.
        """
        feeds = self._fed(X)
        try:
            found: list[Any] = self._session.run(outputs, feeds, self._run_options)
        except Exception as error:
            if any(words in str(error) for words in NOTHING_LEFT):
                raise MemoryError from None
            if type(error).__module__.partition(".")[0] != "onnxruntime":
                raise
            if EXHAUSTED in str(error):
                raise ValueError(
                    f"for these rows the ONNX graph needs more memory than it may take, {memory.max_bytes} bytes "
                    "for all graphs of the process: send fewer rows; if one is too many, its values make it so large"
                ) from None
            raise RuntimeError(_words(error)) from None
        return found

    def _run(self, X: Array) -> tuple[Array, Array | None]:
        if self.isolated and not in_child():
            hints = Hints(self.classes, self.task, settled=True)
            return isolated_graphs.predict(self._content, hints, self._approved, X, self._texts)
        return self.run(X)

    def run(self, X: Array) -> tuple[Array, Array | None]:
        """Return numbers or codes for X, and the probabilities if there are some, found in this process."""
        found = self._ran(self._outputs, X)
        if self.task == "regression":
            values = np.asarray(found[self._score or 0], np.float64)
            return (values.reshape(len(X)) if self.vector else values), None
        probabilities = None if self._score is None else self._probabilities(found[self._score])
        if self._label is None:
            return by_probability(probabilities if probabilities is not None else np.empty(0))
        return codes(np.asarray(found[self._label]).ravel().tolist(), self._positions), probabilities

    def _probabilities(self, found: Any) -> Array:
        if isinstance(found, list):  # a map from label to probability for each row
            return np.array([[row[label] for label in self._positions] for row in found], np.float64)
        values = np.asarray(found, np.float64)
        if values.ndim > 1 and values.shape[1] > 1:
            return values
        if ((values < 0) | (values > 1)).any():
            raise ValueError("the graph gives one number for each row, and it is no probability")
        return np.column_stack((1 - values, values))


def _first(types: Sequence[str], wanted: Collection[str]) -> int | None:
    return next((i for i, kind in enumerate(types) if kind in wanted), None)


def _joined(parts: Sequence[Any]) -> Any:
    """Return the rows of several calls: of arrays, or of lists of maps."""
    return [row for part in parts for row in part] if isinstance(parts[0], list) else np.concatenate(parts)


def _session(content: bytes) -> Any:
    import onnxruntime  # noqa: PLC0415  it is an extra

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry(_EXTERNAL_FOLDER, _NOWHERE)
    # by its first bytes a file could also be of the runtime's own format, which is not checked here
    options.add_session_config_entry(_LOAD_FORMAT, "ONNX")
    memory.use(options)
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  the runtime has many, one for each kind of damage
        raise Invalid.at("/file", f"onnxruntime cannot read this file: {_words(error)}") from None


def _run_options() -> Any:
    import onnxruntime  # noqa: PLC0415  it is an extra

    options = onnxruntime.RunOptions()
    options.add_run_config_entry(*SHRINKS)
    return options


def _words(error: Exception) -> str:
    """Return the runtime's message without codes and locations in its own code."""
    words = str(error).partition("\n")[0].rpartition(" : ")[2].rpartition("Status Message: ")[2]
    return _PLACE.sub("", words).strip()[:200]
