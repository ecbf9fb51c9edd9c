"""CSV tables: a header, the target by its name, every other column an input; checked with certified data."""

from pathlib import Path

import pytest

from tests.support.api import Api, problem

DATA = Path(__file__).parent.parent / "data"
TABLE = "width,depth,price\n0,0,5\n1,0,7\n0,1,2\n1,1,4\n2,3,0\n3,1,8\n"
# https://www.itl.nist.gov/div898/strd/lls/data/LINKS/DATA/Longley.dat
LONGLEY = [-3482258.63459582, 15.0618722713733, -0.0358191792925910, -2.02022980381683]
LONGLEY += [-1.03322686717359, -0.0511041056535807, 1829.15146461355]
# https://www.itl.nist.gov/div898/strd/lls/data/LINKS/DATA/Norris.dat
NORRIS = [-0.262323073774029, 1.00211681802045]


def head(name: str) -> list[str]:
    """The column names of a shipped data set."""
    return (DATA / name).read_text().splitlines()[0].replace('"', "").split(",")


def test_fit_predict_and_score(api: Api) -> None:
    """Fit takes the other columns as inputs, predict takes all columns, score finds the fitted target."""
    fitted = api.csv("fit", TABLE, model="multivariate", target="price")
    assert fitted["terms"] == ["1", "width", "depth"]
    assert fitted["coefficients"] == pytest.approx([5, 2, -3], abs=1e-12)
    query = {"model": "multivariate", "version": fitted["version"]}
    assert api.csv("predict", "depth,width\n2,1\n0,10\n", **query)["y"] == pytest.approx([1, 25])
    assert api.csv("score", TABLE, **query) == pytest.approx({"r2": 1, "rmse": 0, "mae": 0, "n": 6}, abs=1e-12)


def test_json_rows_after_a_csv_fit(api: Api) -> None:
    """The names of a CSV fit serve named JSON rows in any order."""
    version = api.csv("fit", TABLE, model="multivariate", target="price")["version"]
    rows = [{"depth": 2, "width": 1}, {"width": 10, "depth": 0}]
    body = {"model": "multivariate", "version": version, "data": {"X": rows}}
    assert api.result("predict", body)["y"] == pytest.approx([1, 25])


@pytest.mark.parametrize(
    "dressed",
    [
        pytest.param(TABLE.encode("utf-8-sig"), id="byte-order mark"),
        pytest.param(TABLE.replace("\n", "\r\n").encode(), id="CRLF"),
        pytest.param(TABLE.rstrip("\n").encode(), id="no newline at the end"),
        pytest.param(b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode(), id="byte-order mark and CRLF"),
        pytest.param(b'"width","depth","price"\n' + TABLE.split("\n", 1)[1].encode(), id="quoted names"),
        pytest.param(TABLE.replace("7", '"7.0"').encode(), id="a quoted number"),
        pytest.param(TABLE.replace("7", "7e0").encode(), id="an exponent"),
    ],
)
def test_line_ends_quotes_and_marks_do_not_matter(api: Api, dressed: bytes) -> None:
    """A byte order mark, the line ends and quotes change nothing."""
    fitted = api.csv("fit", dressed, model="multivariate", target="price")
    assert fitted["terms"] == ["1", "width", "depth"]
    assert fitted["coefficients"] == pytest.approx([5, 2, -3], abs=1e-12)


def test_difficult_names(api: Api) -> None:
    """A quoted name may contain commas, quotes, spaces and any letters."""
    text = 'größe,"a, ""b""",y\n1,2,3\n2,2,4\n3,5,8\n4,4,8\n'
    fitted = api.csv("fit", text, model="multivariate", target="y")
    assert fitted["terms"] == ["1", "größe", 'a, "b"']
    rows = [{'a, "b"': 2, "größe": 1}]
    body = {"model": "multivariate", "version": fitted["version"], "data": {"X": rows}}
    assert api.result("predict", body)["y"] == pytest.approx([3])


def test_query_parameters_are_parameters_of_the_model(api: Api) -> None:
    """Every other query parameter is one, and has its type."""
    fitted = api.csv("fit", TABLE, target="price", degree=1, fit_intercept="false")
    assert fitted["terms"] == ["width", "depth"]


def test_several_targets(api: Api) -> None:
    """A repeated target makes several outputs, in their order."""
    fitted = api.csv("fit", "x,a,b\n0,1,0\n1,3,1\n2,5,2\n", model="multivariate", target=["b", "a"])
    assert fitted["terms"] == ["1", "x"]
    assert [each for pair in fitted["coefficients"] for each in pair] == pytest.approx([0, 1, 1, 2], abs=1e-12)
    predicted = api.csv("predict", "x\n4\n", model="multivariate", version=fitted["version"])
    assert predicted["y"] == [pytest.approx([4, 9])]


def test_csv_on_the_models_own_route(api: Api) -> None:
    """The named route takes CSV too."""
    assert api.csv("models/multivariate/fit", TABLE, target="price")["terms"] == ["1", "width", "depth"]


@pytest.mark.parametrize(
    "parameters", ["charset=utf-8", 'Charset="UTF-8"; header=present', "charset=US-ASCII", "header = Present;"]
)
def test_parameters_of_the_content_type(api: Api, parameters: str) -> None:
    """Parameters that agree with the way tables are read are accepted."""
    headers = {"Content-Type": f"text/csv; {parameters}"}
    query = {"model": "multivariate", "target": "price"}
    assert api.result("fit", content=TABLE.encode(), headers=headers, params=query)["metrics"]["n"] == 6


@pytest.mark.parametrize("verb", ["fit", "predict", "score"])
@pytest.mark.parametrize(
    ("parameters", "detail"),
    [
        ("header=maybe", "neither header=present nor header=absent"),
        ("charset=klingon", "the text encoding 'klingon' is not known"),
        ("charset=rot13", "send UTF-8"),
        ("charset=", "send UTF-8"),
    ],
)
def test_parameters_that_do_not_agree(api: Api, no_job: None, verb: str, parameters: str, detail: str) -> None:
    """A table in a character set that is not known is refused, since it would be misread."""
    answer = api.http.post(f"/{verb}", content=TABLE.encode(), headers={"Content-Type": f"text/csv; {parameters}"})
    assert detail in problem(answer, 415)["detail"]


def test_longley(api: Api) -> None:
    """NIST's Longley data, nearly collinear, are fitted to nine digits of the certified coefficients."""
    target = next(name for name in head("longley.csv") if name.lower() in ("y", "totemp", "employed", "employment"))
    text = (DATA / "longley.csv").read_bytes()
    fitted = api.csv("fit", text, model="multivariate", target=target)
    assert fitted["coefficients"] == pytest.approx(LONGLEY, rel=1e-9)
    assert fitted["metrics"]["n"] == 16
    assert fitted["metrics"]["r2"] == pytest.approx(0.995479004577296, rel=1e-10)
    assert fitted["metrics"]["rmse"] == pytest.approx(304.854073561965 * (9 / 16) ** 0.5, rel=1e-9)


def test_norris(api: Api) -> None:
    """NIST's Norris data, a straight line, are fitted to ten digits of the certified coefficients."""
    fitted = api.csv("fit", (DATA / "norris.csv").read_bytes(), model="multivariate", target="y")
    assert fitted["coefficients"] == pytest.approx(NORRIS, rel=1e-10)
    assert fitted["metrics"]["r2"] == pytest.approx(0.999993745883712, rel=1e-10)
    assert fitted["metrics"]["rmse"] == pytest.approx(0.884796396144373 * (34 / 36) ** 0.5, rel=1e-9)
