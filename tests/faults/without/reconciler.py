"""No lease ends, no dead child is noticed and no message is sent again: lost jobs stay lost."""

from app.model.polynomial import PolynomialRegressor
from tests.faults.without.scripts import alter

alter(
    ("local lost = {}\n", "local lost = {}\nif true then return {} end\n"),
    ("local batched, unbatched = {}, {}\n", "local batched, unbatched = {}, {}\nif true then return {{}, {}} end\n"),
)


class Unreconciled(PolynomialRegressor):
    """A module of models has to have one."""

    name = "without-reconciler"
