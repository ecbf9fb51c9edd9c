"""What the design of a fit may need, and how soon it is known."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pyarrow import csv

from app.data.csv_reader.csv_records import CsvRecords
from app.errors import Invalid, ModelFailed
from app.model.multivariate import MultivariateRegressor
from app.model.own_estimators import OwnEstimator
from app.model.polynomial import PolynomialRegressor
from app.schemas.requests import Request
from app.service import Service
from app.service.design_size import DesignLimit
from app.storage.model_store import Store
from tests.support.models import Hooked
from tests.support.processor_time import units


@pytest.fixture
def service(tmp_path: Path) -> Service:
    models: Any = {model.name: OwnEstimator(model) for model in (MultivariateRegressor, PolynomialRegressor)}
    limits = {"max_design_bytes": 2**30, "max_answer_bytes": 2**30, "max_loaded_bytes": 2**30}
    return Service(models, "multivariate", Store(tmp_path), {}, **limits)


def table(columns: int, *rows: str) -> Request:
    """A request with a CSV table; in a row `{}` is the number of the column."""
    return Request(data=CsvRecords(text(columns, *rows)), target=["y"])


def text(columns: int, *rows: str) -> bytes:
    """The CSV of a table."""
    head = ",".join(["y", *(f"c{i}" for i in range(columns))])
    lines = [",".join([str(y), *(row.format(i) for i in range(columns))]) for y, row in enumerate(rows)]
    return "\n".join([head, *lines]).encode()


def test_a_fit_to_very_many_columns_takes_time_in_proportion(service: Service) -> None:
    """Four rows of 26,000 numbers, which took minutes when each input looked at all terms."""

    def fit() -> None:
        version, result = service.run(service.check("fit", table(26_000, "1{}", "2", "5", "1")), "job", 0.0)
        assert (version, len(result["terms"])) == (1, 26_001)

    assert units(fit) < 100


def test_a_hundred_thousand_columns_of_text_are_refused_at_once(service: Service) -> None:
    """No cell is read."""
    request = table(100_000, "a", "b", "c", "d")

    def refused() -> None:
        with pytest.raises(Invalid, match="at least 1 row × 100001 terms"):
            service.check("fit", request)

    assert units(refused) < 30


def test_reading_ends_with_the_column_whose_texts_are_too_many(service: Service) -> None:
    """Some 20,000 columns of 100 texts, two million terms, are refused within five times the time to parse them."""
    rows = [f"t{row}" for row in range(100)]
    raw, request = text(20_000, *rows), table(20_000, *rows)
    one_block = csv.ReadOptions(use_threads=False, block_size=len(raw))

    def refused() -> None:
        with pytest.raises(Invalid, match=r"at least 1 row × 40\d\d\d terms"):
            service.check("fit", request)

    csv.read_csv(BytesIO(b"y\n1\n"))  # the library is loaded
    assert units(refused) < 5 * units(lambda: csv.read_csv(BytesIO(raw), read_options=one_block))


@pytest.mark.parametrize(("columns", "row"), [(57, "a{}"), (57, "true")])
def test_indicators_are_not_counted_as_numbers(service: Service, columns: int, row: str) -> None:
    """57 numbers have too many terms of degree 3, but 57 columns of two values have not."""
    others = "b{}" if row.startswith("a") else "false"
    request = table(columns, row, others, row)
    request.model, request.params = "polynomial", {"degree": 3}
    service.check("fit", request)
    request = table(columns, "1", "2", "4")
    request.model, request.params = "polynomial", {"degree": 3}
    with pytest.raises(Invalid, match="34220 terms"):
        service.check("fit", request)


def test_a_value_error_of_a_hook_is_a_refusal_and_others_are_faults() -> None:
    """As in a fit."""

    class Refusing(Hooked):
        name = "refusing"

        def n_terms(self, n_inputs: int) -> int:
            raise ValueError("too many for me")

    limit = DesignLimit(1_000)
    with pytest.raises(Invalid, match="too many for me"):
        limit.check_fit(OwnEstimator(Refusing), {}, [None])
    with pytest.raises(ModelFailed, match="the model 'hooked' raised KeyError"):
        limit.check_fit(OwnEstimator(Hooked), {"bug": "design_bytes"}, [None])
