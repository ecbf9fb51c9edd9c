"""Estimators from a file: forged trees are found before they are followed; parameters that use files are refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from app.errors import Invalid
from app.model.imported.sklearn_checks import check_estimator
from tests.support.forgery import with_nodes

RNG = np.random.default_rng(0)
X = np.column_stack((RNG.normal(size=(200, 3)), RNG.integers(0, 5, 200)))
Y = (X[:, 0] + X[:, 3] > 1).astype(int)
FORGERIES: dict[str, Callable[[Any], None]] = {
    "back to itself": lambda nodes: nodes["left_child"].__setitem__(0, 0),
    "back": lambda nodes: nodes["right_child"].__setitem__(slice(1, None), 1),
    "out of the tree": lambda nodes: nodes["right_child"].__setitem__(0, 10**6),
    "below all nodes": lambda nodes: nodes["left_child"].__setitem__(0, -7),
    "a column that is not there": lambda nodes: nodes["feature"].__setitem__(0, 4),
    "a column below zero": lambda nodes: nodes["feature"].__setitem__(0, -100),
}


def fitted_tree() -> DecisionTreeClassifier:
    return DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, Y)


def test_sound_estimators_pass() -> None:
    for estimator in (
        fitted_tree(),
        RandomForestClassifier(5).fit(X, Y),
        BaggingClassifier(n_estimators=4, max_features=0.5).fit(X, Y),
        ExtraTreesRegressor(3).fit(X, X),
        GradientBoostingClassifier(n_estimators=3).fit(X, Y),
        HistGradientBoostingRegressor(max_iter=3, categorical_features=[3]).fit(X, X[:, 0]),
        make_pipeline(StandardScaler(), RandomForestClassifier(3)).fit(X, Y),
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y),
    ):
        check_estimator(estimator)


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_tree_is_refused_wherever_it_is(forgery: str) -> None:
    forest = RandomForestClassifier(3, random_state=0).fit(X, Y)
    boosting = GradientBoostingClassifier(n_estimators=2).fit(X, Y)
    tree = fitted_tree()
    for owner, forged in (
        (tree, tree),
        (make_pipeline(forest), forest.estimators_[2]),
        (boosting, boosting.estimators_[1, 0]),
    ):
        with_nodes(forged.tree_, FORGERIES[forgery])
        with pytest.raises(Invalid, match="tree"):
            check_estimator(owner)


@pytest.mark.parametrize(
    "change",
    [
        lambda nodes: nodes["left"].__setitem__(0, 0),
        lambda nodes: nodes["right"].__setitem__(0, 10**6),
        lambda nodes: nodes["feature_idx"].__setitem__(0, 4),
        lambda nodes: nodes["is_categorical"].__setitem__((nodes["is_leaf"] == 0) & (nodes["feature_idx"] < 3), 1),
        lambda nodes: nodes["bitset_idx"].__setitem__(nodes["is_categorical"] == 1, 99),
    ],
)
def test_a_forged_tree_of_histogram_boosting_is_refused(change: Callable[[Any], None]) -> None:
    boosting = HistGradientBoostingRegressor(max_iter=2, categorical_features=[3]).fit(
        X, Y + 10 * (X[:, 3] == 2) + X[:, 0]
    )
    predictors = [each for row in boosting._predictors for each in row]
    assert any(predictor.nodes["is_categorical"].any() for predictor in predictors)
    for predictor in predictors:
        predictor.nodes = predictor.nodes.copy()
        change(predictor.nodes)
    with pytest.raises(Invalid, match="tree"):
        check_estimator(boosting)


def test_trees_of_another_width_than_their_forest_are_refused() -> None:
    forest = RandomForestClassifier(3).fit(X, Y)
    forest.n_features_in_ = 2
    with pytest.raises(Invalid, match="another number of columns"):
        check_estimator(forest)
    del forest.n_features_in_
    with pytest.raises(Invalid, match="is damaged"):
        check_estimator(forest)
    bagging = BaggingClassifier(n_estimators=2, max_features=0.5).fit(X, Y)
    bagging.estimators_features_[0] = np.array([0, 9])
    with pytest.raises(Invalid, match="columns that are not there"):
        check_estimator(bagging)


def test_parameters_that_use_files_are_refused() -> None:
    with pytest.raises(Invalid, match="`input` of CountVectorizer is 'filename'"):
        check_estimator(make_pipeline(CountVectorizer(input="filename"), LogisticRegression()))
    with pytest.raises(Invalid, match="`memory` of Pipeline is set"):
        check_estimator(make_pipeline(StandardScaler(), LogisticRegression(), memory="cache"))


def test_threads_and_printing_become_those_of_a_service() -> None:
    pipeline = make_pipeline(StandardScaler(), KNeighborsClassifier(n_jobs=-1), verbose=True)
    check_estimator(pipeline)
    assert pipeline[-1].n_jobs == 1
    assert pipeline.verbose == 0


@pytest.mark.parametrize("column", [-1, 2, 1_000_000, 0])
def test_the_words_of_a_vocabulary_have_columns_that_are_there(column: int) -> None:
    """Another one would be written outside the matrix of counts; the vocabulary of a fit is taken."""
    counts = CountVectorizer().fit(["red blue"])
    check_estimator(make_pipeline(counts, LogisticRegression()))
    counts.vocabulary_["red"] = column
    with pytest.raises(Invalid, match="CountVectorizer is damaged"):
        check_estimator(make_pipeline(counts, LogisticRegression()))
