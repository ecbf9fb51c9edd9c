"""Labels that are easily changed on their way come back as they came, or are refused: never anything between."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pytest

from tests.support.api import WAIT_S, Api, pointers, problem
from tests.support.cli import run
from tests.support.odd_labels import CSV_TEXTS, KEPT, READ_OTHERWISE, TEXTS, rows_of

EQUAL: dict[str, list[Any]] = {"whole": [1, 1.0, 2, 2.0], "zero": [0, -0.0, 1, 1]}
REFUSED: dict[str, list[Any]] = {
    "NUL at the end": ["a", "a\0"],
    "too long": ["b", "x" * 1001],
    "over 2^53": [1, 2**53 + 1],
    "over 2^63": [1, 2**63 + 1],
    "over 2^64": [1, 2**64 + 1],
    "truth and number": [True, 1],
    "number and text": [1, "1"],
    "nothing": ["a", None],
}
MODELS = ["bayes", "logistic"]


def body(model: str, y: list[Any]) -> dict[str, Any]:
    return {"model": model, "data": {"X": [[float(i % 2)] for i in range(len(y))], "y": y}}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("case", KEPT)
def test_odd_labels_come_back_as_they_came(api: Api, case: str, model: str) -> None:
    """From JSON, in the classes of the version, and among predictions; a score knows them again."""
    y = KEPT[case] * 3
    assert api.result("fit", body(model, y))["classes"] == sorted(set(y))
    found = api.result("predict", {"model": model, "data": {"X": [[0.0], [1.0]]}})["y"]
    assert (found, [type(each) for each in found]) == (KEPT[case], [type(each) for each in KEPT[case]])
    assert api.result("score", body(model, y))["accuracy"] == 1.0


@pytest.mark.parametrize("case", KEPT)
def test_odd_labels_come_back_by_the_open_inference_protocol(api: Api, case: str) -> None:
    api.result("fit", body("bayes", KEPT[case] * 3))
    tensor = {"name": "X", "shape": [2, 1], "datatype": "FP64", "data": [0.0, 1.0]}
    answer = api.post("v2/models/bayes/infer", {"inputs": [tensor]})
    [y] = [each for each in answer.json()["outputs"] if each["name"] == "y"]
    datatype = {str: "BYTES", int: "INT64", bool: "BOOL"}[type(KEPT[case][0])]
    assert (answer.status_code, y["datatype"], y["data"]) == (200, datatype, KEPT[case])


@pytest.mark.parametrize("case", KEPT)
def test_odd_labels_beside_arrays(api: Api, case: str) -> None:
    """Rows in numpy's format have the same labels; an array of float64 has those that are whole numbers."""
    api.result("fit", body("bayes", KEPT[case] * 3))
    file = io.BytesIO()
    np.save(file, np.array([[0.0], [1.0]]))
    headers = {"Content-Type": "application/x-npy", "Prefer": f"wait={WAIT_S}"}
    answer = api.http.post("/models/bayes/predict", content=file.getvalue(), headers=headers)
    assert api.finished(answer)["result"]["y"] == KEPT[case]
    headers["Accept"] = "application/x-npy"
    answer = api.http.post("/models/bayes/predict", content=file.getvalue(), headers=headers)
    if case == "great":
        assert np.load(io.BytesIO(answer.content), allow_pickle=False).astype(int).tolist() == KEPT[case]
    else:
        assert "no numbers" in problem(answer, 406)["detail"]


def by_command(api: Api, verb: str, table: str, *arguments: str) -> str:
    """What a command prints for a table."""
    done = run(verb, "-", "--model", "bayes", *arguments, stdin=table, TRINITY_SERVER=str(api.http.base_url))
    assert (done.code, done.err) == (0, ""), done
    return done.out


def predicted_by_command(api: Api, count: int) -> list[str]:
    table = "x\n" + "".join(f"{i}\n" for i in range(count))
    header, *rows = csv.reader(io.StringIO(by_command(api, "predict", table)))
    assert header == ["y"]
    return [label for (label,) in rows]


def test_the_command_line_prints_odd_labels_as_they_are(api: Api) -> None:
    api.result("fit", {"model": "bayes", "data": rows_of(TEXTS)})
    assert predicted_by_command(api, len(TEXTS)) == TEXTS


def test_the_command_line_fits_odd_labels_of_csv(api: Api) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["x", "y"], *([i, label] for i, label in enumerate(CSV_TEXTS))])
    by_command(api, "fit", out.getvalue(), "--target", "y")
    assert predicted_by_command(api, len(CSV_TEXTS)) == CSV_TEXTS
    assert "accuracy" in by_command(api, "score", out.getvalue())


@pytest.mark.parametrize("case", EQUAL)
def test_numbers_that_are_equal_are_one_label(api: Api, case: str) -> None:
    y = EQUAL[case]
    fitted = api.result("fit", body("bayes", y))
    assert fitted["classes"] == sorted({int(each) for each in y})
    assert "-0" not in json.dumps(fitted["classes"])


@pytest.mark.parametrize("case", REFUSED)
def test_labels_that_could_not_be_kept_are_refused(api: Api, case: str) -> None:
    """With the row, before there is a job, at a fit and at a score."""
    for verb in ("fit", "score"):
        if verb == "score":
            api.result("fit", body("bayes", ["a", "b"]))
        refused = problem(api.post(verb, body("bayes", REFUSED[case])), 422)
        assert pointers(refused)[0].startswith("/data/y/"), refused


def test_half_of_a_surrogate_pair_is_no_text(api: Api) -> None:
    content = json.dumps(body("bayes", ["a", "\ud800"]))
    answer = api.http.post("/fit", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}, answer.text


@pytest.mark.parametrize("case", [name for name in KEPT if name not in READ_OTHERWISE])
def test_odd_texts_in_csv(api: Api, case: str) -> None:
    """The same rule holds for cells; those that CSV takes for missing or for numbers are another matter."""
    out = io.StringIO()
    rows = [[i % 2, label] for i, label in enumerate(KEPT[case] * 3)]
    csv.writer(out).writerows([["x", "y"], *rows])
    assert api.csv("models/bayes/fit", out.getvalue(), target="y")["classes"] == sorted(KEPT[case])


@pytest.mark.parametrize("label", ["a\0b", "a\0"])
def test_nul_within_the_quotes_of_csv_is_no_text(api: Api, label: str) -> None:
    content, csv_type = "x,y\n" + f'0,"{label}"\n1,"a"\n' * 3, {"Content-Type": "text/csv"}
    answer = api.http.post("/models/bayes/fit", content=content, headers=csv_type, params={"target": "y"})
    assert "bytes of zero" in problem(answer, 400)["detail"]
