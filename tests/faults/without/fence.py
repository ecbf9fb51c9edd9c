"""Any claim of a job may finish it, however late, and publish its result."""

from app.model.polynomial import PolynomialRegressor
from tests.faults.without.scripts import alter

alter(
    ("if state[1] == 'STARTED' and state[2] == fence then\n    collect(", "if state[1] then\n    collect("),
    ("if state[1] ~= 'STARTED' or state[2] ~= ARGV[2] then return 0 end", ""),
)


class Unfenced(PolynomialRegressor):
    """A module of models has to have one."""

    name = "without-fence"
