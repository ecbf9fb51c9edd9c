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
    Input,
    by_probability,
    codes,
    labels_of,
    numbered,
    refuse_classes,
    task_of,
)
from app.model.imported.isolated_graphs import isolated_graphs
from app.model.imported.onnx_graph import read_graph
from app.model.imported.onnx_memory import EXHAUSTED, NOTHING_LEFT, SHRINKS, memory
from app.model.imported.onnx_operators import is_unbounded, takes_missing
from app.model.isolation.child import in_child
from app.schemas.columns import Kind
from app.schemas.tasks import Label

_KINDS: dict[str, tuple[Kind, Any]] = {
    "tensor(float)": ("number", np.float32),
    "tensor(double)": ("number", np.float64),
    "tensor(float16)": ("number", np.float16),
    "tensor(int64)": ("integer", np.int64),
    "tensor(int32)": ("integer", np.int32),
    "tensor(bool)": ("boolean", np.bool_),
    "tensor(string)": ("text", np.object_),
}
_EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"
_LOAD_FORMAT = "session.load_model_format"
_NOWHERE = "/nonexistent"
_PLACE = re.compile(r"(?:\S*/onnxruntime_src/|\b\w+\.cc:\d).*(?: was false\. |\) (?=[A-Z]))|\b\w+\.cc:\d+ \w+ ")
"""The location and the check in the runtime's code, which precede its message."""
MAX_WIDTH = 1_000_000


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
        self._feeds = [_Feed(each.name, each.type, each.shape) for each in session.get_inputs()]
        takes_texts = any(feed.kind == "text" for feed in self._feeds)
        self.isolated = is_unbounded(graph.operators, has_texts=takes_texts or graph.has_long_texts)
        self._outputs = [each.name for each in session.get_outputs()]
        self.inputs = _columns(self._feeds)
        self.named_inputs = len(self._feeds) > 1
        self._describe(session.get_outputs(), graph.labels, hints)

    def _describe(self, outputs: Sequence[Any], own: list[Label] | None, hints: Hints) -> None:
        types = [each.type for each in outputs]
        self._label = next((i for i, kind in enumerate(types) if kind in {"tensor(int64)", "tensor(string)"}), None)
        is_score = [kind.startswith("seq(map(") or kind in {"tensor(float)", "tensor(double)"} for kind in types]
        self._score = next((i for i, found in enumerate(is_score) if found), None)
        classifies = (
            hints.task == "classification" if hints.task else self._label is not None or hints.classes is not None
        )
        if not classifies:
            if self._label is not None and (own is not None or types[self._label] == "tensor(string)"):
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
            raise Invalid.at("/classes", "the file does not say its classes; name them in their order: ?classes=a,b")
        self.classes = labels_of(count or len(known or hints.classes or ()), known, hints)
        # the graph predicts a label of its own, or else the position of a class
        texts = self._label is not None and types[self._label] == "tensor(string)"
        names = [str(label) for label in self.classes] if known is None and texts else known or range(len(self.classes))
        self._positions = {label: code for code, label in enumerate(names)}

    def _describe_numbers(self, outputs: Sequence[Any]) -> None:
        if self._score is None or outputs[self._score].type.startswith("seq"):
            raise Invalid.at("/file", "the ONNX file has no output with numbers")
        shape = outputs[self._score].shape
        self.task, self.classes = "regression", None
        self.outputs = shape[1] if len(shape) == 2 and isinstance(shape[1], int) else 1  # noqa: PLR2004
        self.vector = self.outputs == 1

    def _labels_of_maps(self, types: Sequence[str]) -> list[Label] | None:
        """Return the keys of the maps that some files return instead of a table of probabilities."""
        if (
            self._score is None
            or not types[self._score].startswith("seq(map(")
            or any(feed.kind == "text" for feed in self._feeds)
        ):
            return None
        found = self._ran([self._outputs[self._score]], np.zeros((1, self.width)))[0]
        return list(found[0])

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

    def _ran(self, outputs: Sequence[str], X: Array) -> Any:
        """Return the graph's outputs for X; raise RuntimeError instead of the runtime's own errors.

        Raise ValueError if it needs too much memory for these rows, MemoryError if the process has too little.
        """
        feeds = self._fed(X)
        try:
            return self._session.run(outputs, feeds, self._run_options)
        except Exception as error:
            if NOTHING_LEFT in str(error):
                raise MemoryError from None
            if type(error).__module__.partition(".")[0] != "onnxruntime":
                raise
            if EXHAUSTED in str(error):
                raise ValueError(
                    f"for these rows the ONNX graph needs more memory than it may take, {memory.max_bytes} bytes "
                    "for all graphs of the process: send fewer rows; if one is too many, its values make it so large"
                ) from None
            raise RuntimeError(_words(error)) from None

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


class _Feed:
    """An input of a graph: the number of its columns and their type."""

    def __init__(self, name: str, kind: str, shape: Sequence[Any]) -> None:
        if kind not in _KINDS or not 1 <= len(shape) <= 2:  # noqa: PLR2004  rows, and columns
            raise Invalid.at("/file", f"the input {name[:64]!r} of the ONNX file is no table of numbers or texts")
        self.name = name
        self.kind, self._type = _KINDS[kind]
        self._is_flat = len(shape) == 1
        width = 1 if self._is_flat else shape[1]
        if not isinstance(width, int) or not 0 < width <= MAX_WIDTH:
            raise Invalid.at(
                "/file", f"the input {name[:64]!r} of the ONNX file does not say how many columns it takes"
            )
        self.width = width

    def texts(self, X: Array, texts: Sequence[Sequence[str]]) -> Any:
        """Return columns of codes as their texts; a missing text is empty."""
        columns = [
            np.array([*known, ""], dtype=object)[np.where(np.isnan(codes), len(known), codes).astype(np.intp)]
            for codes, known in zip(X.T, texts, strict=True)
        ]
        return columns[0] if self._is_flat else np.column_stack(columns)

    def array(self, X: Array) -> Any:
        """Return columns of a table in the graph's type; raise ValueError for values beyond that type."""
        if not issubclass(self._type, np.inexact):
            limit = 1.0 if self._type is np.bool_ else float(np.iinfo(self._type).max)
            whole = (np.rint(X) == X) & (np.abs(X) < limit + (self._type is np.bool_))
            if not whole.all():
                row = int((~whole.all(axis=1)).argmax())
                raise ValueError(
                    f"row {row}: the input {self.name!r} takes whole numbers of its type, and none may be missing"
                )
        array = np.ascontiguousarray(X).astype(self._type)
        return array.ravel() if self._is_flat else array


def _columns(feeds: Sequence[_Feed]) -> list[Input]:
    if len(feeds) == 1:
        return [each._replace(kind=feeds[0].kind) for each in numbered(feeds[0].width)]
    return [
        Input(feed.name if feed.width == 1 else f"{feed.name}_{i + 1}", feed.kind)
        for feed in feeds
        for i in range(feed.width)
    ]


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
