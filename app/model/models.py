"""The models that Trinity ships: every public Regressor and Classifier named here is served."""

from app.model.logistic import LogisticClassifier
from app.model.multivariate import MultivariateRegressor
from app.model.polynomial import PolynomialRegressor

__all__ = ["LogisticClassifier", "MultivariateRegressor", "PolynomialRegressor"]
