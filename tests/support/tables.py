"""Tables read from the data of a request as a fit reads them, all columns of it."""

from app.schemas.columns import KINDS
from app.schemas.requests import Request
from app.schemas.tables import Records, Table
from app.service.choice import FitChoice


def read_all(data: Records, target: tuple[str, ...] = ()) -> Table:
    """Return all columns, of any kind and with their holes."""
    return data.read(FitChoice(frozenset(KINDS), takes_missing=True, target=target))


def table_of(request: Request) -> Table:
    """Return the table of a request that has data."""
    assert request.data is not None
    return read_all(request.data, tuple(request.target))
