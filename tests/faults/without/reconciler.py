"""No lease ever ends, no dead child is missed and no job is rung twice: what is lost stays lost."""

from app.model.polynomial import PolynomialRegressor
from tests.faults.without.scripts import alter

alter(
    ("local lost = {}\n", "local lost = {}\nif true then return {} end\n"),
    ("local together, alone = {}, {}\n", "local together, alone = {}, {}\nif true then return {together, alone} end\n"),
)


class Unreconciled(PolynomialRegressor):
    """A module of models has to have one."""

    name = "without-reconciler"
