"""Models of XGBoost, from its JSON and UBJSON files."""

from __future__ import annotations

import json
import re
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
_LEAF = -1
_PLACE = re.compile(r"^\[[\d:]+\] \S+:\d+: (?:Check failed: )?")
"""The time and the location in XGBoost's code, which precede its message."""
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
        self._booster: Any = booster
        self._matrix = xgboost.DMatrix
        try:
            booster.load_model(bytearray(content))
            if not proven:
                check_booster(json.loads(booster.save_raw("json"))["learner"])
            learner = json.loads(booster.save_config())["learner"]
        except xgboost.core.XGBoostError as error:
            words = _PLACE.sub("", str(error).partition("\n")[0])[:200]
            raise Invalid.at("/file", f"XGBoost cannot read this file: {words}") from None
        self._describe(learner, hints)

    def _describe(self, learner: dict[str, Any], hints: Hints) -> None:
        params = learner["learner_model_param"]
        names = self._booster.feature_names or []
        if "c" in (self._booster.feature_types or []):
            raise Invalid.at("/file", "the booster has categorical columns; put it into a pipeline that encodes them")
        self.inputs = named(names) if names else numbered(int(params["num_feature"]))
        self.named_inputs = bool(names)
        self._in_place = learner["gradient_booster"]["name"] != "gblinear"
        self._iterations = (0, _best_iteration(self._booster) + 1)
        self._objective = learner["objective"]["name"]
        classes, targets = int(params["num_class"]), int(params.get("num_target", 1))
        binary = self._objective.startswith("binary:")
        # of several labels at once it predicts the probability of each: numbers, and no classes
        found: Task = "classification" if (binary or classes > 1) and targets <= 1 else "regression"
        if task_of(found, hints) == "regression":
            refuse_classes(hints)
            self.task, self.classes = "regression", None
            self.outputs = max(targets, classes, 1)
            self.vector = self.outputs == 1
            return
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


def _best_iteration(booster: Any) -> int:
    """Return the last round whose trees are used, -1 for all; raise Invalid for a missing round."""
    best = booster.attributes().get("best_iteration")
    if best is None:
        return -1
    if not re.fullmatch(r"[0-9]{1,9}", best) or int(best) >= booster.num_boosted_rounds():
        raise Invalid.at("/file", f"the booster is damaged: it has no round {best[:20]!r}, which is to be its best")
    return int(best)


def check_booster(learner: dict[str, Any]) -> None:
    """Raise Invalid for a booster whose trees, or their output positions, are not sound."""
    params = learner["learner_model_param"]
    width = int(params["num_feature"])
    outputs = max(int(params["num_class"]), int(params.get("num_target", 1)), 1)
    booster = learner["gradient_booster"]
    model = booster.get("model") or booster.get("gbtree", {}).get("model", {})
    has_categories = "c" in learner.get("feature_types", ())
    try:
        for tree in model.get("trees", ()):
            _check_tree(tree, width, has_categories=has_categories)
        if "weights" in model:
            _check_weights(len(model["weights"]), width, outputs)
        if "trees" in model:
            _check_places(model, outputs, booster.get("weight_drop"))
    except KeyError as error:
        raise Invalid.at("/file", f"the booster is damaged: it has no {error.args[0]}") from None
    except (UnsoundTree, ValueError) as error:
        raise Invalid.at("/file", f"the booster is damaged: {error}") from None


def _check_tree(tree: dict[str, Any], width: int, *, has_categories: bool) -> None:
    left = np.asarray(tree["left_children"], np.int64)
    right = np.asarray(tree["right_children"], np.int64)
    check_graph(left, right, np.asarray(tree["split_indices"], np.int64), left != _LEAF, width)
    if not has_categories and any(tree.get("split_type", ())):
        raise UnsoundTree("a node of a tree asks for a category, but no column has some")


def _check_weights(count: int, width: int, outputs: int) -> None:
    """Refuse a linear booster that would read beyond its weights: for each output one per column, and one more."""
    if count != (width + 1) * outputs:
        raise UnsoundTree("it has other weights than columns")


def _check_places(model: dict[str, Any], outputs: int, dropped: list[float] | None) -> None:
    """Refuse trees that add to missing outputs: XGBoost would write beyond its predictions."""
    count = len(model["trees"])
    groups = np.asarray(model["tree_info"], np.int64)
    if len(groups) != count or (groups < 0).any() or (groups >= outputs).any():
        raise UnsoundTree("a tree adds to an output that is not there")
    rounds = np.asarray(model.get("iteration_indptr", [0, count]), np.int64)
    if not len(rounds) or rounds[0] != 0 or rounds[-1] != count or (np.diff(rounds) < 0).any():
        raise UnsoundTree("its rounds have other trees than there are")
    if dropped is not None and len(dropped) != count:
        raise UnsoundTree("it has weights for other trees than there are")
