"""Imported files as estimators: they load their versions, and have the reason why most cannot be fitted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import msgspec

from app.model.estimator import FitData, FittedModel, Size, Stored
from app.model.imported.imported_model import Hints, ImportedModel
from app.schemas.columns import Kind
from app.schemas.tasks import Better, Format, Label, Task

NUMBERS: frozenset[Kind] = frozenset({"number", "integer", "boolean"})
TEXTS: frozenset[Kind] = NUMBERS | {"text"}
HELD_BYTES, STACKS, TAKES_MISSING, HAS_PROBABILITIES = "held_bytes", "stacks", "takes_missing", "has_probabilities"
"""Members of an imported model's stored state: the findings of its trial."""
DISTRIBUTIONS: dict[Format, tuple[str, ...]] = {
    "skops": ("scipy", "scikit-learn", "skops", "pandas"),
    "onnx": ("onnxruntime",),
    "xgboost": ("xgboost-cpu", "xgboost"),
    "lightgbm": ("lightgbm",),
}
MODULES: dict[Format, str] = {
    "skops": "skops.io",
    "onnx": "onnxruntime",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
}
EXTRAS: dict[Format, str] = {"skops": "sklearn", "onnx": "onnx", "xgboost": "xgboost", "lightgbm": "lightgbm"}


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of an imported file: none."""


def open_model(
    form: Format, content: bytes | memoryview, hints: Hints, approved: Collection[str] = (), *, proven: bool = False
) -> ImportedModel:
    """Return the model in a file of any format but skops; raise Invalid. Unproven files belong in a child process."""
    # each library is an extra, and loads for seconds
    match form:
        case "onnx":
            from app.model.imported.onnx_model import OnnxModel  # noqa: PLC0415

            return OnnxModel(bytes(content), hints, approved)
        case "xgboost":
            from app.model.imported.xgboost_model import XgboostModel  # noqa: PLC0415

            return XgboostModel(bytes(content), hints, proven=proven)
        case "lightgbm":
            from app.model.imported.lightgbm_model import LightgbmModel  # noqa: PLC0415

            return LightgbmModel(bytes(content), hints, proven=proven)
    raise ValueError(f"no library runs files of {form}")


def file_name(form: Format) -> str:
    """Return the name of a model's file in its version."""
    return f"model.{form}"


@dataclass(frozen=True)
class ImportedEstimator:
    """A file of ONNX, XGBoost or LightGBM, of which one version was made."""

    name: str
    task: Task
    source: str
    """The digest of the file."""
    format: Format
    approved: frozenset[str] = frozenset()
    proven: bool = False
    """Whether its file was tried out before it was published, and is unchanged."""
    takes_missing: bool = True
    files: ClassVar[None] = None
    reads_texts: bool = True
    text_columns: ClassVar[Collection[str]] = ()
    takes_weights: bool = False
    metrics: ClassVar[Mapping[str, Better]] = {}

    @property
    def kinds(self) -> frozenset[Kind]:
        """Numbers; ONNX also has texts."""
        return TEXTS if self.format == "onnx" else NUMBERS

    @property
    def description(self) -> str:
        """Say what it is."""
        return f"A model from a file of {self.format}."

    @property
    def modules(self) -> Sequence[str]:
        """Return nothing: the version has the libraries with which it was tried."""
        return []

    @property
    def cannot_fit(self) -> str:
        """Say why it cannot be fitted."""
        return f"it was imported from a file of {self.format}, which can predict but not fit; fit it where it was made"

    def parameters(self) -> type[msgspec.Struct]:
        """Return no parameters."""
        return NoParameters

    def check(self, params: Mapping[str, Any]) -> None:
        """Refuse nothing."""

    def size(self, params: Mapping[str, Any], inputs: int | Sequence[int | None], rows: int) -> Size:  # noqa: ARG002
        """Return nothing: it is never fitted."""
        return Size(1, 8 * rows)

    def fit(self, params: Mapping[str, Any], data: FitData) -> NoReturn:  # noqa: ARG002
        """Raise ValueError."""
        raise ValueError(self.cannot_fit)

    def load(self, stored: Stored) -> FittedModel:
        """Return the model in the file of a version."""
        content = stored.files[file_name(self.format)]
        classes: list[Label] | None = stored.classes
        hints = Hints(classes, self.task, settled=True)
        model = open_model(self.format, content, hints, self.approved, proven=self.proven)
        learned = stored.learned
        has_probabilities = learned.get(HAS_PROBABILITIES, True)
        model.measured(learned.get(HELD_BYTES, 0), learned.get(STACKS, "no"), has_probabilities=has_probabilities)
        return model

    def misfit(self, params: Mapping[str, Any]) -> str:  # noqa: ARG002  there are none
        """Return nothing: file and version belong together."""
        return ""
