"""Sources of data: found as models are, one file each; what is too large is refused before anything is read."""

import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np
import pytest
from msgspec import Meta, Struct

from app.data.dummy import Dummy
from app.errors import Invalid, Unavailable
from app.model.logistic import LogisticClassifier
from app.model.own_estimators import OwnEstimator
from app.schemas.requests import Gate, Request, Source
from app.schemas.tables import Table
from app.service import Service, find_sources
from app.service.sources import read_source
from app.settings import SettingsError
from app.storage.model_store import Store
from tests.support.fakes import First
from tests.support.models import Filling


class GridParams(msgspec.Struct, forbid_unknown_fields=True):
    rows: Annotated[int, Meta(ge=1)] = 4


class Grid:
    """A source with names that does not declare its shape."""

    name = "grid"
    Params = GridParams
    reads: ClassVar[list[int]] = []

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def read(self) -> Table:
        self.reads.append(self.rows)
        X = np.arange(2.0 * self.rows).reshape(-1, 2)
        return Table(X, X[:, 0].copy(), inputs=["a", "b"], outputs=["t"])


class Sized(Grid):
    """The same, with a shape."""

    name = "sized"

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows, 2


class Away(Grid):
    """Refuses one row, and is away for more."""

    name = "away"

    def read(self) -> Table:
        raise ValueError("one row is not enough") if self.rows == 1 else ConnectionRefusedError("secret address")


class Odd(Grid):
    """Gives what is no matrix of finite numbers."""

    name = "odd"

    def read(self) -> Table:
        return Table(np.array([[1.0], [np.nan]])) if self.rows == 1 else Table(np.zeros(3))


@pytest.fixture
def service(tmp_path: Path) -> Service:
    Grid.reads.clear()
    sources: Any = {kind.name: kind for kind in (Grid, Sized, Odd, Away)}
    limits = {"max_design_bytes": 1_000, "max_answer_bytes": 1_000, "max_loaded_bytes": 100_000}
    return Service({"first": OwnEstimator(First)}, "first", Store(tmp_path), sources, **limits)


def do(service: Service, verb: Any, source: Source) -> dict[str, Any]:
    return service.run(service.check(verb, Request(source=source)), f"job-{verb}", 0.0)[1]


@pytest.mark.parametrize("name", ["grid", "sized"])
def test_a_source_is_fitted_predicted_and_scored_by_its_names(service: Service, name: str) -> None:
    do(service, "fit", Source(name, {"rows": 3}))
    manifest = service.manifest("first", None)
    assert (manifest.schema.inputs, manifest.schema.outputs) == (["a", "b"], ["t"])
    assert manifest.data["origin"] == {"source": name, "params": {"rows": 3}}
    assert do(service, "predict", Source(name, {"rows": 2})) == {"y": [0.0, 2.0], "source": name}
    assert do(service, "score", Source(name, {}))["r2"] == 1


@pytest.mark.parametrize("verb", ["fit", "predict", "score"])
def test_a_source_that_declares_its_shape_is_refused_before_it_is_read(service: Service, verb: Any) -> None:
    do(service, "fit", Source("sized", {}))
    Grid.reads.clear()
    with pytest.raises(Invalid, match="TRINITY_MAX_DESIGN"):
        service.check(verb, Request(source=Source("sized", {"rows": 2**40})))
    assert Grid.reads == []


@pytest.mark.parametrize("verb", ["fit", "predict", "score"])
def test_a_source_that_declares_no_shape_is_refused_when_it_was_read(service: Service, verb: Any) -> None:
    """Before the model takes memory for it."""
    do(service, "fit", Source("grid", {}))
    with pytest.raises(Invalid, match="TRINITY_MAX_DESIGN"):
        do(service, verb, Source("grid", {"rows": 500}))


@pytest.mark.parametrize(("rows", "words"), [(1, "not a finite number"), (2, r"shape \(3,\)")])
def test_what_a_source_gives_is_checked(service: Service, rows: int, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        do(service, "fit", Source("odd", {"rows": rows}))


def test_errors_of_a_source_are_refusals_or_ask_to_try_again(service: Service) -> None:
    """As a model's ValueError is a refusal; what else an error says stays inside."""
    with pytest.raises(Invalid, match="one row is not enough"):
        do(service, "fit", Source("away", {"rows": 1}))
    with pytest.raises(Unavailable, match=r"source 'away' could not be read \(ConnectionRefusedError\); try again"):
        do(service, "fit", Source("away", {}))


def test_without_the_dummy_source_a_request_needs_data(service: Service) -> None:
    with pytest.raises(Invalid, match="name a source: away, grid, odd, sized"):
        service.check("fit", Request())


def test_sources_are_found_by_name() -> None:
    assert find_sources(["app.data.dummy"]) == {"dummy": Dummy}


FIRST = "import msgspec\nclass P(msgspec.Struct): pass\nclass A:\n    Params = P\n    def read(self): pass\n"
BROKEN = {
    "a syntax error": "def x(:",
    "no source": "import numpy",
    "a source whose name does not fit": FIRST + "    name = 'A b'",
    "a source without parameters": "class A:\n    name = 'a'\n    def read(self): pass",
    "two of one name": FIRST + "    name = 'a'\nclass B(A): pass",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_module_that_cannot_be_used_stops_the_start(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"source_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SettingsError, match="TRINITY_SOURCES"):
        find_sources([name])
    sys.modules.pop(name, None)


class Gappy:
    """Gives a missing number and a text column, one of whose categories may be wrong."""

    name = "gappy"

    class Params(msgspec.Struct, forbid_unknown_fields=True):
        code: float = 1.0

    def __init__(self, code: float = 1.0) -> None:
        self.code = code

    def read(self) -> Table:
        X = np.array([[1.0, 0.0], [np.nan, 1.0], [3.0, self.code]])
        return Table(X, np.array([1.0, 2.0, 3.0]), ["a", "city"], ["t"], ["number", "text"], {1: ["Bern", "Chur"]})


@pytest.fixture
def gappy(tmp_path: Path) -> Service:
    limits = {"max_design_bytes": 1_000, "max_answer_bytes": 1_000, "max_loaded_bytes": 100_000}
    models = {"filling": OwnEstimator(Filling), "first": OwnEstimator(First)}
    sources: Any = {"gappy": Gappy}
    return Service(models, "filling", Store(tmp_path), sources, **limits)


def test_a_source_may_have_missing_values_for_a_model_that_takes_them(gappy: Service) -> None:
    do(gappy, "fit", Source("gappy", {}))
    assert [column.nullable for column in gappy.manifest("filling", None).schema.columns] == [True, False]
    assert do(gappy, "predict", Source("gappy", {}))["y"] == [1.0, 2.0, 3.0]
    with pytest.raises(Invalid, match="not a finite number"):
        gappy.run(gappy.check("fit", Request("first", source=Source("gappy", {}))), "job", 0.0)


@pytest.mark.parametrize("code", [2.0, -1.0, 0.5])
def test_a_category_that_a_source_does_not_have_is_refused(gappy: Service, code: float) -> None:
    with pytest.raises(Invalid, match=f"the source gave {code:g} in column 1 of text, which has 2 categories"):
        do(gappy, "fit", Source("gappy", {"code": code}))


@pytest.mark.parametrize(
    ("model", "kind", "wanted"), [("logistic", "numbers", "classes"), ("first", "classes", "numbers")]
)
def test_the_dummy_source_of_another_task_is_refused_before_it_is_read(
    tmp_path: Path, model: str, kind: str, wanted: str
) -> None:
    """With the parameter to set; a predict needs no y, and takes either."""
    estimators = {"logistic": OwnEstimator(LogisticClassifier), "first": OwnEstimator(First)}
    limits = {"max_design_bytes": 2**26, "max_answer_bytes": 100_000, "max_loaded_bytes": 100_000}
    served = Service(estimators, model, Store(tmp_path), {"dummy": Dummy}, **limits)
    served.run(served.check("fit", Request()), "job", 0.0)
    source = Source("dummy", {"kind": kind})
    for verb in ("fit", "score"):
        with pytest.raises(Invalid, match=f"this model needs .*: kind={wanted}$") as caught:
            served.check(verb, Request(source=source))  # type: ignore[arg-type]
        assert caught.value.pointers == ["/data/params/kind"]
    gate = Gate("champion", None, 0.0, source=source)
    with pytest.raises(Invalid, match=f"kind={wanted}") as caught:
        served.check("fit", Request(promote=gate))
    assert caught.value.pointers == ["/promote/on/params/kind"]
    assert len(do(served, "predict", source)["y"]) == 50


class Refusing:
    """A source that finds out at its reading that a parameter is wrong."""

    name: ClassVar[str] = "refusing"
    Params: ClassVar[type[Struct]] = Struct

    def read(self) -> Table:
        raise Invalid.at("/user", "there is no user 3")


def test_a_parameter_that_is_wrong_when_it_is_read_is_refused_at_its_place() -> None:
    with pytest.raises(Invalid) as refused:
        read_source({"refusing": Refusing}, Source("refusing", {}))
    assert (refused.value.detail, refused.value.pointers) == ("there is no user 3", ["/data/params/user"])
