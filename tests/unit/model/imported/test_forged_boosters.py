"""Boosters that say other things in one place than in another are refused with what is wrong with them."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xgboost

from app.errors import Invalid
from app.model.imported.imported_estimator import open_model
from app.model.imported.imported_model import Hints
from app.model.imported.lightgbm_model import check_booster_text
from app.model.imported.xgboost_model import check_booster
from tests.support.model_files import (
    NUMBERS,
    ROWS,
    X,
    lightgbm_classifier,
    lightgbm_regressor,
    xgboost_classifier,
    xgboost_regressor,
)


def booster(kind: str, **params: Any) -> Any:
    model = xgboost.XGBRegressor(booster=kind, n_estimators=4, n_jobs=1, **params).fit(X, NUMBERS)
    return json.loads(model.get_booster().save_raw("json"))["learner"]


def trees(learner: Any) -> Any:
    part = learner["gradient_booster"]
    return part.get("model") or part["gbtree"]["model"]


CHANGES: list[tuple[str, Callable[[Any], Any], str]] = [
    ("gbtree", lambda learner: trees(learner)["tree_info"].__setitem__(0, 99), "an output that is not there"),
    ("gbtree", lambda learner: trees(learner)["tree_info"].__setitem__(0, -1), "an output that is not there"),
    ("gbtree", lambda learner: trees(learner)["tree_info"].pop(), "an output that is not there"),
    ("gbtree", lambda learner: trees(learner).pop("tree_info"), "it has no tree_info"),
    ("gbtree", lambda learner: trees(learner).__setitem__("iteration_indptr", [0, 2, 1, 3, 4]), "rounds"),
    ("gbtree", lambda learner: trees(learner).__setitem__("iteration_indptr", [0, 9]), "rounds"),
    ("gbtree", lambda learner: trees(learner)["trees"][0]["left_children"].__setitem__(0, -2), "leads out"),
    ("gbtree", lambda learner: trees(learner)["trees"][0]["split_type"].__setitem__(0, 1), "category"),
    ("dart", lambda learner: learner["gradient_booster"]["weight_drop"].pop(), "weights for other trees"),
    ("dart", lambda learner: trees(learner)["trees"][0]["left_children"].__setitem__(0, 0), "leads back"),
    ("gblinear", lambda learner: trees(learner)["weights"].pop(), "other weights than columns"),
]


@pytest.mark.parametrize(("kind", "change", "words"), CHANGES)
def test_parts_of_an_xgboost_file_that_contradict_each_other_are_refused(
    kind: str, change: Callable[[Any], Any], words: str
) -> None:
    learner = booster(kind)
    check_booster(learner)
    change(learner)
    with pytest.raises(Invalid, match=words) as caught:
        check_booster(learner)
    assert caught.value.pointers == ["/file"]


def test_a_tree_that_adds_to_no_class_is_refused_before_it_predicts() -> None:
    """XGBoost reads such a file, and writes beyond its predictions without a word."""
    model = json.loads(xgboost_classifier(".json").content)
    trees(model["learner"])["tree_info"][2] = 7
    with pytest.raises(Invalid, match="an output that is not there"):
        open_model("xgboost", json.dumps(model).encode(), Hints())


@pytest.mark.parametrize("best", ["abc", "-5", "4000", "9" * 30])
def test_the_best_round_must_be_one_of_the_file(best: str) -> None:
    model = json.loads(xgboost_regressor().content)
    model["learner"]["attributes"]["best_iteration"] = best
    with pytest.raises(Invalid, match="which is to be its best"):
        open_model("xgboost", json.dumps(model).encode(), Hints())


@pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
def test_boosters_of_several_outputs_predict_as_xgboost_does(strategy: str) -> None:
    model = xgboost.XGBRegressor(n_estimators=3, n_jobs=1, multi_strategy=strategy, tree_method="hist")
    model.fit(X, np.column_stack((NUMBERS, -NUMBERS)))
    for form in ("json", "ubj"):
        opened = open_model("xgboost", bytes(model.get_booster().save_raw(form)), Hints())
        np.testing.assert_array_equal(opened.predict(ROWS), model.predict(ROWS).astype(float))


def test_a_booster_of_several_labels_at_once_predicts_the_probability_of_each() -> None:
    labels = np.column_stack((NUMBERS > 0, X[:, 0] > 0)).astype(int)
    model = xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(X, labels)
    content = bytes(model.get_booster().save_raw("ubj"))
    opened = open_model("xgboost", content, Hints())
    assert (opened.task, opened.classes, opened.outputs) == ("regression", None, 2)
    np.testing.assert_array_equal(opened.predict(ROWS), model.predict_proba(ROWS).astype(float))
    with pytest.raises(Invalid, match="classes are named, but the model is a regressor"):
        open_model("xgboost", content, Hints(["a", "b"]))


@pytest.mark.parametrize("kind", ["dart", "gblinear"])
def test_other_boosters_predict_as_xgboost_does(kind: str) -> None:
    model = xgboost.XGBRegressor(booster=kind, n_estimators=4, n_jobs=1).fit(X, NUMBERS)
    opened = open_model("xgboost", bytes(model.get_booster().save_raw("ubj")), Hints())
    np.testing.assert_array_equal(opened.predict(ROWS), model.predict(ROWS).astype(float))


BAD = "left_child=1000000"
LINES: list[tuple[str, str, str]] = [
    (r"^Tree=0$", "Tree=0 \n" + BAD, "twice"),
    (r"^Tree=0\n((?:.*\n)*?)left_child=\S+", rf"Tree=0 \n\1{BAD}", "leads out"),
    (r"^Tree=0\n((?:.*\n)*?)left_child=\S+", rf"Tree=zero\n\1{BAD}", "leads out"),
    (r"^(left_child=.*)", rf"{BAD}\n\1", "twice"),
    (r"^(left_child=.*)", rf"\1\n{BAD}", "twice"),
    (r"^(left_child=.*)", rf"zzz=1\r\1\n{BAD}", "twice"),
    (r"^left_child=(\S+)(.*)", f"{BAD}\\2\\nzzz=1\u2028left_child=\\1\\2", "leads out"),
    (r"^left_child=(\S+)(.*)", f"{BAD}\\2\\nzzz=1\x0bleft_child=\\1\\2", "leads out"),
    (r"^max_feature_idx=.*", "max_feature_idx=99999999\nmax_feature_idx=3", "twice"),
    (r"^num_class=.*", "num_class=2", "other classes"),
    (r"^num_class=.*", "num_class=1000000000", "other classes"),
    (r"^num_tree_per_iteration=.*", "num_tree_per_iteration=7", "other classes"),
    (r"^num_tree_per_iteration=.*", "num_tree_per_iteration=0", "other classes"),
    (r"^objective=.*", "objective=multiclass num_class:9", "other classes"),
]


@pytest.mark.parametrize(("pattern", "line", "words"), LINES)
def test_a_lightgbm_file_that_can_be_read_in_two_ways_is_refused(pattern: str, line: str, words: str) -> None:
    text = re.sub(r"(?m)^tree_sizes=.*\n", "", lightgbm_classifier().content.decode())
    check_booster_text(text)
    forged = re.sub(pattern, line, text, count=1, flags=re.MULTILINE)
    assert forged != text
    with pytest.raises(Invalid, match=words):
        check_booster_text(forged)


def test_an_objective_of_many_classes_needs_trees_of_many() -> None:
    """LightGBM reads such a file, and its predictions are of memory that is not theirs."""
    text = lightgbm_regressor().content.decode()
    with pytest.raises(Invalid, match="other classes"):
        check_booster_text(re.sub(r"(?m)^objective=.*", "objective=multiclass num_class:3", text))
    with pytest.raises(Invalid, match="multiclassova for one class"):
        check_booster_text(re.sub(r"(?m)^objective=.*", "objective=multiclassova", text))
