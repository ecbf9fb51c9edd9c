"""Keys are taken and never looked up: each request is a job."""

from app.model.polynomial import PolynomialRegressor
from tests.faults.without.scripts import alter

alter(("local known = idem ~= ''", "local known = false"))


class Unkeyed(PolynomialRegressor):
    """A module of models has to have one."""

    name = "without-idempotency"
