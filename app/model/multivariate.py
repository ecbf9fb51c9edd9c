"""Least squares on the inputs as they are: one coefficient per input, several outputs at once."""

from typing import Annotated, ClassVar

from msgspec import Meta

from app.model.linear import LinearRegressor
from app.model.terms import Terms


class MultivariateRegressor(LinearRegressor):
    """y = b₀ + b₁x₁ + … + bₚxₚ by Householder QR, for y (n,) or (n, k)."""

    name: ClassVar[str] = "multivariate"

    def __init__(
        self, *, fit_intercept: Annotated[bool, Meta(description="Whether there is a constant term.")] = True
    ) -> None:
        self.fit_intercept = fit_intercept

    def _terms(self, inputs: int) -> Terms:
        return Terms(inputs, degree=1, interactions=False, intercept=self.fit_intercept)
