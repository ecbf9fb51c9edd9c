"""Designs that are too large are refused by the header, before cells are read; a model may fail to say its size."""

import json

import pytest

from tests.support.api import WAIT_S, Api, pointers, problem

CSV = {"Content-Type": "text/csv"}
COLUMNS = 33_000


def wide(cell: str, rows: int = 2) -> bytes:
    names = ",".join(f"c{i}" for i in range(COLUMNS))
    return f"y,{names}\n".encode() + f"1{f',{cell}' * COLUMNS}\n".encode() * rows


@pytest.mark.parametrize("cell", ["1", "Bern", "true", "2024-12-31"])
def test_a_table_of_too_many_columns_is_refused(api: Api, no_job: None, cell: str) -> None:
    """Whatever is in them: at the least it is a term for each."""
    query = {"model": "multivariate", "target": "y"}
    refused = problem(api.http.post("/fit", content=wide(cell), headers=CSV, params=query), 422)
    assert "at least 1 row × 33001 terms and 1 output need" in refused["detail"]
    value = json.loads(cell) if cell in ("1", "true") else cell
    body = {"model": "multivariate", "data": {"X": [[value] * COLUMNS] * 2, "y": [1, 2]}}
    same = problem(api.post("fit", body), 422)
    assert (same["detail"], pointers(same)) == (refused["detail"], ["/data"])


def test_few_of_very_many_columns_can_be_used(api: Api) -> None:
    """The size is that of the inputs."""
    query = {"model": "multivariate", "target": "y", "inputs": "c0,c9"}
    assert api.csv("fit", wide("1"), **query)["terms"] == ["1", "c0", "c9"]


@pytest.mark.parametrize("bug", ["set_indicators", "n_terms", "design_bytes"])
@pytest.mark.parametrize("X", [[[1], [2]], [["a"], ["b"]]])
def test_a_bug_in_what_a_model_says_of_its_size(api: Api, bug: str, X: list[list[object]]) -> None:
    """It is an error of the model, as one in its fit is."""
    body = {"model": "hooked", "params": {"bug": bug}, "data": {"X": X, "y": [1, 2]}}
    error = problem(api.post("fit", body, headers={"Prefer": f"wait={WAIT_S}"}), 500)
    assert error["type"].endswith("model-failed")
    assert error["detail"] == "the model 'hooked' raised KeyError"
