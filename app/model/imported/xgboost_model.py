"""Models of XGBoost, from its JSON and UBJSON files."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from app.errors import Invalid
from app.model.dataframes import Array
from app.model.imported.imported_model import (
    Hints,
    ImportedModel,
    by_probability,
    labels_of,
    named,
    numbered,
    refuse_classes,
    task_of,
)
from app.model.imported.trees import UnsoundTree, check_graph
from app.schemas.tasks import Task

_LABEL_OBJECTIVES = {"multi:softmax", "binary:hinge"}
"""They predict codes of labels without probabilities."""
_MARGIN = "binary:logitraw"


class XgboostModel(ImportedModel):
    """A booster: it predicts numbers, or the probabilities of classes that it numbers from 0."""

    format = "xgboost"

    def __init__(self, content: bytes, hints: Hints, *, proven: bool = False) -> None:
        """Read the file; the trees of a `proven` one were checked before."""
        import xgboost  # noqa: PLC0415  it is an extra, and loads for seconds

        super().__init__(content)
        xgboost.set_config(verbosity=0)
        booster = xgboost.Booster(params={"nthread": 1})
        try:
            booster.load_model(bytearray(content))
        except xgboost.core.XGBoostError as error:
            words = str(error).partition("\n")[0][:200]
            raise Invalid.at("/file", f"XGBoost cannot read this file: {words}") from None
        self._booster: Any = booster
        self._matrix = xgboost.DMatrix
        if not proven:
            check_booster(json.loads(booster.save_raw("json"))["learner"])
        self._describe(json.loads(booster.save_config())["learner"], hints)

    def _describe(self, learner: dict[str, Any], hints: Hints) -> None:
        params = learner["learner_model_param"]
        names = self._booster.feature_names or []
        if "c" in (self._booster.feature_types or []):
            raise Invalid.at("/file", "the booster has categorical columns; put it into a pipeline that encodes them")
        self.inputs = named(names) if names else numbered(int(params["num_feature"]))
        self.named_inputs = bool(names)
        self._in_place = learner["gradient_booster"]["name"] != "gblinear"
        best = self._booster.attributes().get("best_iteration")
        self._iterations = (0, int(best) + 1) if best is not None else (0, 0)
        self._objective = learner["objective"]["name"]
        classes, targets = int(params["num_class"]), int(params.get("num_target", 1))
        binary = self._objective.startswith("binary:")
        found: Task = "classification" if binary or classes > 1 else "regression"
        if task_of(found, hints) == "regression":
            refuse_classes(hints)
            self.task, self.classes = "regression", None
            self.outputs = max(targets, classes, 1)
            self.vector = self.outputs == 1
            return
        if targets > 1 or not (binary or classes > 1):
            raise Invalid.at("/file", f"a booster with the objective {self._objective} predicts no classes")
        self.task = "classification"
        self.classes = labels_of(max(classes, 2), None, hints)
        self.has_probabilities = self._objective not in {*_LABEL_OBJECTIVES, _MARGIN}

    def _run(self, X: Array) -> tuple[Array, Array | None]:
        if self._in_place:
            found = self._booster.inplace_predict(X, iteration_range=self._iterations, missing=np.nan)
        else:
            matrix = self._matrix(X, missing=np.nan, nthread=1, feature_names=self._booster.feature_names)
            found = self._booster.predict(matrix, iteration_range=self._iterations)
        if self.task == "regression":
            return found.astype(np.float64), None
        if self._objective == _MARGIN:
            return np.where(np.isnan(found), np.nan, found > 0.5), None  # noqa: PLR2004  as XGBClassifier does
        if self._objective in _LABEL_OBJECTIVES:
            return found.astype(np.float64), None
        return by_probability(found)


def check_booster(learner: dict[str, Any]) -> None:
    """Raise Invalid for a booster whose trees are not sound."""
    width = int(learner["learner_model_param"]["num_feature"])
    model = learner["gradient_booster"].get("model") or learner["gradient_booster"].get("gbtree", {}).get("model", {})
    try:
        for tree in model.get("trees", ()):
            left = np.asarray(tree["left_children"], np.int64)
            right = np.asarray(tree["right_children"], np.int64)
            check_graph(left, right, np.asarray(tree["split_indices"], np.int64), left >= 0, width)
    except (UnsoundTree, KeyError, ValueError) as error:
        raise Invalid.at("/file", f"the booster is damaged: {error}") from None
