"""Polynomials in any number of inputs, with or without interaction terms."""

from typing import Annotated, ClassVar

from msgspec import Meta

from app.model.linear import LinearRegressor
from app.model.terms import Terms


class PolynomialRegressor(LinearRegressor):
    """All products of powers of the inputs up to a total degree, for y (n,) or (n, k): QR in a scaled basis."""

    name: ClassVar[str] = "polynomial"

    def __init__(
        self,
        degree: Annotated[int, Meta(ge=1, le=50, description="Highest total degree of a term.")] = 3,
        *,
        interactions: Annotated[bool, Meta(description="Whether products of different inputs are terms.")] = True,
        fit_intercept: Annotated[bool, Meta(description="Whether there is a constant term.")] = True,
    ) -> None:
        self.degree = degree
        self.interactions = interactions
        self.fit_intercept = fit_intercept

    def _terms(self, inputs: int) -> Terms:
        return Terms(inputs, int(self.degree), self.interactions, self.fit_intercept)
