"""No lease ends, no dead child is noticed and no message is sent again: lost jobs stay lost."""

from app.model.polynomial import PolynomialRegressor
from tests.faults.without.scripts import alter

alter(
    ("local waiting, failed = 0, {}\n", "if true then return {0} end\nlocal waiting, failed = 0, {}\n"),
    ("local batched, unbatched = {}, {}\n", "local batched, unbatched = {}, {}\nif true then return {{}, {}} end\n"),
)


class Unreconciled(PolynomialRegressor):
    """A module of models has to have one."""

    name = "without-reconciler"
