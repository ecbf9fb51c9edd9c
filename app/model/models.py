"""The regressors that Trinity ships: every public Regressor subclass named here is served."""

from app.model.multivariate import MultivariateRegressor
from app.model.polynomial import PolynomialRegressor

__all__ = ["MultivariateRegressor", "PolynomialRegressor"]
