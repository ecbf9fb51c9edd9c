"""The results of the verbs: metrics, what a fit gave, and predictions."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from app.schemas.tables import Cell
from app.schemas.tasks import Label


class ScoreMetrics(msgspec.Struct):
    """How close predictions are to y, averaged over outputs; null where undefined, such as R² of one row."""

    r2: float | None
    rmse: float | None
    mae: float | None
    n: int
    source: str | UnsetType = UNSET
    """The source that the data came from, if it came from one."""


class FitMetrics(ScoreMetrics):
    """Metrics on the data of the fit; for linear models also how well the data determine the coefficients."""

    rank: int | UnsetType = UNSET
    """How many terms are independent of each other in the data."""
    terms: int | UnsetType = UNSET
    condition: float | UnsetType | None = UNSET
    """The condition number of the fitted terms, each scaled to about unit length; null below full rank."""


class OwnMetrics(msgspec.Struct):
    """The metrics of a model with metrics of its own, by name; null if undefined."""

    n: int
    source: str | UnsetType = UNSET
    """The source that the data came from, if it came from one."""


class Promoted(msgspec.Struct):
    """The decision of a fit's gate: the score of the new version, and that of the version that had the alias."""

    alias: str
    promoted: bool
    metric: str
    gain: float
    score: float | None
    """null if it cannot be scored; `detail` has the reason."""
    champion: int | None
    """The version that had the alias; null for none."""
    champion_score: float | None
    detail: str


class FitResult(msgspec.Struct):
    """The result of a fit; coefficients[i] belongs to terms[i], and is a row of numbers if y has rows.

    `warnings` has sentences about doubtful results: redundant terms, fewer rows than terms, lost digits.
    """

    version: int
    terms: list[str]
    coefficients: list[float | list[float]]
    metrics: FitMetrics
    warnings: list[str]
    source: str | UnsetType = UNSET
    """The source that the data came from, if it came from one."""
    promotion: Promoted | UnsetType = UNSET
    """The decision of the request's gate, if it had one."""


class LabelMetrics(msgspec.Struct):
    """Metrics of a classifier, as scikit-learn defines them under these names; null if undefined."""

    accuracy: float | None
    balanced_accuracy: float | None
    f1_macro: float | None
    log_loss: float | None
    roc_auc: float | None
    """For more than two classes the mean over each class against the others."""
    n: int


class ClassScoreMetrics(LabelMetrics):
    """The score of a classifier: a label that was not in the fit counts as an error."""

    classes: list[Label]
    """The classes of the fit in order, followed by labels of the data that were not in the fit."""
    confusion: list[list[float]]
    """confusion[i][j]: the rows of the label classes[i], or their weights, for which classes[j] is predicted."""
    source: str | UnsetType = UNSET
    """The source that the data came from, if it came from one."""


class ClassFitMetrics(LabelMetrics):
    """Metrics on the data of the fit; for logistic regression also its number of steps."""

    terms: int | UnsetType = UNSET
    iterations: int | UnsetType = UNSET


class ClassFitResult(msgspec.Struct):
    """The result of a classifier's fit; for more than two classes, coefficients[i] has a number for each class."""

    version: int
    classes: list[Label]
    """The different labels, in order."""
    terms: list[str]
    coefficients: list[float | list[float]]
    metrics: ClassFitMetrics
    warnings: list[str]
    source: str | UnsetType = UNSET
    """The source that the data came from, if it came from one."""


class OwnFitResult(FitResult):
    """The result of a fit of a model with metrics of its own."""

    metrics: OwnMetrics  # type: ignore[assignment]


class Predictions(msgspec.Struct):
    """A prediction for each row of X: a number, or a row of numbers if y has rows; for a classifier a label."""

    y: list[float | int | str | bool | list[float]] | UnsetType = UNSET
    """Missing if the request names only other outputs."""
    classes: list[Label] | UnsetType = UNSET
    """The classes of the columns of `probabilities`."""
    probabilities: list[list[float]] | UnsetType = UNSET
    """For each row the probability of each class, if requested."""
    kept: dict[str, list[Cell]] | UnsetType = UNSET
    """The columns of the data that `keep` names, unchanged."""
    source: str | UnsetType = UNSET
    """The source that the data came from, if it came from one."""
