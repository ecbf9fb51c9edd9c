"""The call of `isolated_graphs` in a child process: a prediction of an ONNX graph; graph and rows are in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.errors import Invalid, ModelFailed
from app.model.base import NotNumbers
from app.model.imported.imported_model import Hints
from app.model.imported.isolated_graphs import FOUND, GRAPH, PROBABILITIES, ROWS, TEXTS
from app.model.imported.onnx_model import OnnxModel
from app.schemas.decoding import decode_json
from app.schemas.tasks import Label, Task


def predict(folder: str, classes: list[Label] | None, task: Task, approved: list[str]) -> None:
    """Predict, and write the predictions; raise Invalid with the graph's text if it refuses the rows."""
    place = Path(folder)
    model = OnnxModel((place / GRAPH).read_bytes(), Hints(classes, task, settled=True), approved)
    texts = decode_json((place / TEXTS).read_bytes(), dict[int, list[str]])
    try:
        found, probabilities = model.with_texts(texts).run(np.load(place / ROWS))
    except NotNumbers as error:
        raise ModelFailed(str(error)) from error
    except ValueError as error:
        raise Invalid.at("/data", str(error)) from error
    np.save(place / FOUND, found)
    if probabilities is not None:
        np.save(place / PROBABILITIES, probabilities)
