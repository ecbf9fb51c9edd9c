"""The service: what is checked before work is accepted, and what fit, predict and score do with names and versions."""

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.data.dummy import Dummy
from app.data.records import TableRecords
from app.errors import Damaged, Invalid, ModelFailed, NotFitted, NotFound, TrinityError
from app.model.own_estimators import OwnEstimator
from app.schemas.requests import Request, Source, Webhook, pack, unpack
from app.schemas.tables import Table
from app.service import Service
from app.storage.model_store import Store
from tests.support.fakes import First, Mean

A, B = [1.0, 2.0, 3.0], [5.0, 7.0, 6.0]


class ServiceFixture:
    """A service on a store of its own; `do` is check and run."""

    def __init__(self, folder: Path) -> None:
        sources = {"dummy": Dummy}
        models = {"mean": OwnEstimator(Mean), "first": OwnEstimator(First)}
        limits = {"max_design_bytes": 100_000, "max_answer_bytes": 100_000, "max_loaded_bytes": 100_000}
        self.service = Service(models, "mean", Store(folder), sources, **limits)
        self._jobs = count()

    def do(self, verb: Any, request: Request) -> tuple[int, dict[str, Any]]:
        work = self.service.check(verb, request)
        return self.service.run(work, f"job{next(self._jobs)}", 0.0)

    def refusal(self, verb: Any, request: Request) -> tuple[type[TrinityError], list[str]]:
        """The error a check ends in, and its pointers."""
        with pytest.raises(TrinityError) as caught:
            self.service.check(verb, request)
        return type(caught.value), [fault.pointer for fault in caught.value.faults]


@pytest.fixture
def services(tmp_path: Path) -> ServiceFixture:
    return ServiceFixture(tmp_path)


def records(
    *columns: list[float], y: Any = None, names: list[str] | None = None, outputs: list[str] | None = None
) -> TableRecords:
    """The data of a request that has these columns."""
    return TableRecords(Table(np.array(columns).T.copy(), None if y is None else np.array(y), names, outputs))


def fit(services: ServiceFixture, *columns: list[float], model: str = "first", **options: Any) -> int:
    """Fit and return the version."""
    return services.do("fit", Request(model, data=records(*columns, **{"y": A, **options})))[0]


def predicted(services: ServiceFixture, *columns: list[float], **options: Any) -> list[float]:
    """Predictions of `first`: the values of the column that the service put first."""
    return services.do("predict", Request("first", data=records(*columns, **options)))[1]["y"]


def test_a_fit_is_served_by_the_next_predict(services: ServiceFixture) -> None:
    """The result names the version, the metrics and no terms for a model without any."""
    version, result = services.do("fit", Request(params={"shift": 1.0}, data=records(A, y=[1.0, 2.0, 6.0])))
    assert (version, result["version"], result["terms"], result["coefficients"]) == (1, 1, [], [])
    assert result["metrics"]["n"] == 3
    assert services.do("predict", Request(data=records([9.0]))) == (1, {"y": [4.0]})


def test_another_service_on_the_same_store_serves_it(services: ServiceFixture, tmp_path: Path) -> None:
    """Web and workers share nothing but the folder."""
    fit(services, A)
    assert predicted(ServiceFixture(tmp_path), B) == B


def test_score_measures_the_prediction(services: ServiceFixture) -> None:
    """R² is 1 where the prediction is y, and n counts the rows."""
    fit(services, A)
    version, result = services.do("score", Request("first", data=records(A, y=A)))
    assert (version, result["r2"], result["rmse"], result["mae"], result["n"]) == (1, 1, 0, 0, 3)


def test_what_is_not_defined_is_null(services: ServiceFixture) -> None:
    """R² of a single row isn't a number, and JSON has no other."""
    fit(services, A)
    assert services.do("score", Request("first", data=records([1.0], y=[1.0])))[1]["r2"] is None


def test_a_version_is_pinned_when_the_work_is_accepted(services: ServiceFixture) -> None:
    """A fit that ends while a prediction waits in the queue doesn't change its answer."""
    fit(services, A, model="mean", y=[1.0, 1.0, 1.0])
    waiting = services.service.check("predict", Request(data=records([0.0])))
    fit(services, A, model="mean", y=[2.0, 2.0, 2.0])
    assert waiting.version == 1
    assert services.service.run(waiting, "job", 0.0) == (1, {"y": [1.0]})
    assert services.do("predict", Request(version="latest", data=records([0.0]))) == (2, {"y": [2.0]})
    assert services.do("predict", Request(version=1, data=records([0.0]))) == (1, {"y": [1.0]})


def test_an_empty_request_uses_defaults(services: ServiceFixture) -> None:
    """The default model on the dummy source, with as many inputs as the model was fitted on."""
    services.do("fit", Request(source=Source("dummy", {"inputs": 3})))
    assert len(services.do("predict", Request())[1]["y"]) == 50
    assert services.do("score", Request())[1]["n"] == 50


@pytest.mark.parametrize(
    ("verb", "request_", "error", "pointer"),
    [
        ("fit", Request("nope"), NotFound, "/model"),
        ("fit", Request(source=Source("nope", {})), Invalid, "/data/source"),
        ("fit", Request(params={"shift": "1"}), Invalid, "/params/shift"),
        ("fit", Request(params={"drift": 1.0}), Invalid, "/params/drift"),
        ("fit", Request(source=Source("dummy", {"number": 0})), Invalid, "/data/params/number"),
        ("fit", Request(source=Source("dummy", {"function": [1.0, None]})), Invalid, "/data/params/function/1"),
        ("fit", Request(data=records(A)), Invalid, "/data/y"),
        ("fit", Request(data=records(A, y=[1.0])), Invalid, "/data/y"),
        ("predict", Request(version=2), NotFound, "/version"),
        ("predict", Request(version="champion"), NotFound, "/version"),
        ("predict", Request(), Invalid, "/data"),
        ("score", Request(), Invalid, "/data"),
        ("predict", Request(data=records(A, B)), Invalid, "/data/X/0"),
        ("predict", Request(source=Source("dummy", {"inputs": 2})), Invalid, "/data/params/inputs"),
        ("score", Request(data=records(A)), Invalid, "/data/y"),
        ("score", Request(data=records(A, y=[[1.0, 2.0]] * 3)), Invalid, "/data/y"),
    ],
)
def test_what_is_wrong_is_refused_with_a_pointer(
    services: ServiceFixture, verb: Any, request_: Request, error: Any, pointer: str
) -> None:
    """Before any work is done."""
    fit(services, A, model="mean")
    assert services.refusal(verb, request_) == (error, [pointer])


@pytest.mark.parametrize("verb", ["predict", "score"])
@pytest.mark.parametrize("version", [None, "latest", 1])
def test_before_any_fit(services: ServiceFixture, verb: Any, version: Any) -> None:
    """The refusal says how to fit."""
    with pytest.raises(NotFitted, match="/models/mean/fit"):
        services.service.check(verb, Request(version=version))


@pytest.mark.parametrize("params", [{"number": 2**40}, {"inputs": 2**20}, {"number": 12_501}])
def test_large_work_is_refused_before_it_is_made(services: ServiceFixture, params: dict[str, Any]) -> None:
    """Size is reckoned from the request alone."""
    assert services.refusal("fit", Request(source=Source("dummy", params))) == (Invalid, ["/data"])


def test_work_of_the_allowed_size_is_accepted(services: ServiceFixture) -> None:
    """The limit itself is within the limit."""
    services.service.check("fit", Request(source=Source("dummy", {"number": 12_500})))


def test_named_columns_come_in_any_order(services: ServiceFixture) -> None:
    """They are brought into the order of the fit."""
    fit(services, A, B, names=["a", "b"])
    assert predicted(services, [1.0], [2.0], names=["b", "a"]) == [2.0]
    assert predicted(services, [1.0], [2.0], names=["a", "b"]) == [1.0]
    assert predicted(services, [1.0], [2.0]) == [1.0]


@pytest.mark.parametrize("names", [["a", "c"], ["a"], ["a", "b", "c"], ["A", "b"]])
def test_other_names_are_refused(services: ServiceFixture, names: list[str]) -> None:
    """Missing, unknown and too many names are no columns of this model."""
    fit(services, A, B, names=["a", "b"])
    other = records(*[[1.0]] * len(names), names=names)
    assert services.refusal("predict", Request("first", data=other)) == (Invalid, [other.names_pointer])


def test_inputs_without_names_are_called_x(services: ServiceFixture) -> None:
    """A later request may use these names."""
    fit(services, A, B)
    assert predicted(services, [1.0], [2.0], names=["x2", "x1"]) == [2.0]


def test_the_file_of_the_fit_can_be_predicted_and_scored(services: ServiceFixture) -> None:
    """Its target is taken out of the inputs, or taken as y."""
    fit(services, A, names=["a"], outputs=["t"])
    assert predicted(services, [9.0], [1.0], names=["t", "a"]) == [1.0]
    assert services.do("score", Request("first", data=records(A, A, names=["t", "a"])))[1]["r2"] == 1


def test_an_input_may_be_called_as_an_output_without_name(services: ServiceFixture) -> None:
    """A column that the fit called y is an input, though unnamed outputs are called y, too."""
    fit(services, A, B, names=["z", "y"])
    assert predicted(services, [1.0], [2.0], names=["z", "y"]) == [1.0]
    assert predicted(services, [1.0], [2.0], names=["y", "z"]) == [2.0]


def test_named_outputs_are_scored_in_any_order(services: ServiceFixture) -> None:
    """y's columns are matched by name, as X's are."""
    pair = np.array([A, B]).T
    services.do("fit", Request(data=records(A, y=pair, names=["a"], outputs=["p", "q"])))
    scores = [
        services.do("score", Request(data=records(A, y=y, names=["a"], outputs=outputs)))[1]
        for y, outputs in ((pair, ["p", "q"]), (pair[:, ::-1].copy(), ["q", "p"]))
    ]
    assert scores[0] == scores[1]


def test_outputs_of_other_names_are_refused(services: ServiceFixture) -> None:
    """A score against a column that isn't the fitted target would be nonsense."""
    fit(services, A, names=["a"], outputs=["p"])
    wrong = Request("first", data=records(A, y=B, names=["a"], outputs=["q"]))
    assert services.refusal("score", wrong)[0] is Invalid


@pytest.mark.parametrize(
    ("y", "predictions"), [([1.0, 3.0], [2.0]), ([[1.0], [3.0]], [[2.0]]), ([[1.0, 5.0], [3.0, 7.0]], [[2.0, 6.0]])]
)
def test_predictions_have_the_shape_of_y(services: ServiceFixture, y: Any, predictions: Any) -> None:
    """(n,) stays flat, (n, 1) stays a column."""
    services.do("fit", Request(data=records([0.0, 1.0], y=y)))
    assert services.do("predict", Request(data=records([0.0])))[1]["y"] == predictions


def test_a_damaged_version_is_the_services_fault(services: ServiceFixture, tmp_path: Path) -> None:
    """Neither a 4xx nor a wrong answer."""
    fit(services, A, model="mean", y=np.array([A, B]).T)
    for file in (tmp_path / "models/mean/versions/1").iterdir():
        file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(Damaged):
        ServiceFixture(tmp_path).service.check("predict", Request())


def test_the_manifest_says_where_the_data_came_from(services: ServiceFixture) -> None:
    """Origin, rows and digest: the same data have the same digest, other data another."""
    data = [
        services.service.store.manifest("first", fit(services, *columns)).data for columns in ((A, B), (A, B), (B, A))
    ]
    assert data[0]["rows"] == 3
    assert data[0]["sha256"] == data[1]["sha256"] != data[2]["sha256"]
    services.do("fit", Request(source=Source("dummy", {"number": 5})))
    origin = services.service.store.manifest("mean", 1).data["origin"]
    assert (origin["source"], origin["params"]["number"]) == ("dummy", 5)


class Misshapen(Mean):
    """Predicts one row too many."""

    name = "mean"

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X) + 1)


class Unstorable(Mean):
    """Learns what no file holds."""

    name = "mean"

    def fit(self, X: Any, y: Any) -> Any:
        self.secret_ = {"a": object()}
        return super().fit(X, y)


@pytest.mark.parametrize("kind", [Misshapen, Unstorable])
def test_a_model_that_breaks_the_contract_is_at_fault(tmp_path: Path, kind: type[Mean]) -> None:
    """What it predicts must have the shape of y, and what it learns must be storable; nothing is published."""
    services = ServiceFixture(tmp_path)
    services.service.models.estimators = {"mean": OwnEstimator(kind)}
    with pytest.raises(ModelFailed):
        fit(services, A, model="mean")
    assert services.service.store.versions("mean") == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (["cheap", "dear", "dear"], "returned list"),
        (None, "returned NoneType"),
        (np.array([1.0, None, 2.0]), "returned an array of object"),
        ([object()] * 3, "returned list"),
        ([[1.0], [1.0, 2.0], [1.0]], "lists of unequal lengths"),
        (np.zeros(4), r"shape \(4,\)"),
    ],
)
def test_predictions_that_are_no_numbers_are_the_models_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, answer: Any, words: str
) -> None:
    """Not of the data: the error says what came, and the log where it came from."""

    class Answering(Mean):
        def predict(self, X: Any) -> Any:
            return answer

    services = ServiceFixture(tmp_path)
    services.service.models.estimators = {"mean": OwnEstimator(Answering)}
    with pytest.raises(ModelFailed, match=words):
        fit(services, A, model="mean")
    assert "predict returned" in caplog.text and "(test_service.py:" in caplog.text


def test_a_constructor_refuses_parameters_by_a_value_error(tmp_path: Path) -> None:
    """Which schemas cannot do, such as for two that exclude each other."""

    class Choosy(Mean):
        def __init__(self, shift: float = 0.0) -> None:
            if shift > 1:
                raise ValueError("shift is over 1")
            super().__init__(shift)

    services = ServiceFixture(tmp_path)
    services.service.models.estimators = {"mean": OwnEstimator(Choosy)}
    with pytest.raises(Invalid, match="shift is over 1") as caught:
        services.do("fit", Request("mean", params={"shift": 2.0}, data=records(A, y=A)))
    assert [each.pointer for each in caught.value.faults] == ["/params"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_predictions_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    """The data lead beyond what numbers can be."""

    class Answering(Mean):
        def predict(self, X: Any) -> Any:
            return np.full(len(X), value)

    services = ServiceFixture(tmp_path)
    services.service.models.estimators = {"mean": OwnEstimator(Answering)}
    with pytest.raises(Invalid):
        fit(services, A, model="mean")


def test_a_prediction_that_no_answer_can_hold_is_refused(services: ServiceFixture) -> None:
    """The dummy source could make more rows than there is memory for their text."""
    fit(services, A)
    request = Request("first", source=Source("dummy", {"number": 10_000}))
    assert services.refusal("predict", request) == (Invalid, ["/data"])


@pytest.mark.parametrize("verb", ["fit", "predict", "score"])
def test_the_work_keeps_timeout_and_webhook(services: ServiceFixture, verb: Any) -> None:
    """And so does its packed form; without them it is as it ever was."""
    fit(services, A)
    request = Request("first", data=records(A, y=A), timeout=2.5, webhook=Webhook("http://a.example/"))
    work = unpack(pack(services.service.check(verb, request)))
    assert (work.timeout_s, work.webhook) == (2.5, "http://a.example/")
    plain = unpack(pack(services.service.check(verb, Request("first", data=records(A, y=A)))))
    assert (plain.timeout_s, plain.webhook) == (None, None)
