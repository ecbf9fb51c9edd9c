"""The registry over HTTP: aliases move by compare-and-set, every move is kept, versions go; the same in every mode."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.behaviour.test_versions import steep
from tests.support.api import Api, Json, pointers, problem

MODEL = "multivariate"
ALIASES = f"/models/{MODEL}/aliases"


def fits(api: Api, *factors: float, model: str = MODEL) -> list[int]:
    """The versions that fits of lines of these factors make."""
    return [api.result(f"models/{model}/fit", {"data": steep(factor)})["version"] for factor in factors]


def put(api: Api, alias: str, version: int, model: str = MODEL, **more: Json) -> httpx.Response:
    return api.http.put(f"/models/{model}/aliases/{alias}", json={"version": version, **more})


def served(api: Api, version: Json = None, model: str = MODEL) -> tuple[int, float]:
    """The version that a prediction uses, and what it predicts at 1: three times the factor of its fit."""
    answer = api.call(f"models/{model}/predict", {"data": {"X": [[1]]}, "version": version})
    return answer["version"], round(answer["result"]["y"][0], 6)


@pytest.fixture(autouse=True)
def no_champion(api: Api) -> Iterator[None]:
    """Each test leaves no aliases behind."""
    yield
    for alias in ("champion", "trial"):
        assert api.http.delete(f"{ALIASES}/{alias}").status_code in (200, 404)


def test_a_champion_serves(api: Api) -> None:
    """Without a version it is the champion, then the latest again; by its alias a version is served in any case."""
    old, new = fits(api, 1, 10)
    assert served(api) == (new, 30)
    answer = put(api, "champion", old)
    assert (answer.status_code, answer.json()) == (200, {"alias": "champion", "version": old})
    assert served(api) == served(api, "champion") == (old, 3)
    assert api.http.get(f"{ALIASES}/champion").json() == {"alias": "champion", "version": old}
    assert api.http.get(f"/models/{MODEL}").json()["aliases"] == {"champion": old, "latest": new}
    assert api.http.get(f"/models/{MODEL}/versions/champion").json()["version"] == old
    (newest,) = fits(api, 100)
    assert served(api) == (old, 3) and served(api, "latest") == (newest, 300)
    gone = api.http.delete(f"{ALIASES}/champion")
    assert (gone.status_code, gone.json()) == (200, {"model": MODEL, "version": None, "alias": "champion"})
    assert served(api) == (newest, 300)
    problem(api.http.get(f"{ALIASES}/champion"), 404)
    problem(api.http.delete(f"{ALIASES}/champion"), 404)


def test_score_and_the_protocol_use_the_champion_too(api: Api) -> None:
    """Whatever asks without a version."""
    old, _ = fits(api, 1, 10)
    put(api, "champion", old)
    assert api.call(f"models/{MODEL}/score", {"data": steep(1)})["version"] == old
    body = {"inputs": [{"name": "X", "shape": [1, 1], "datatype": "FP64", "data": [1.0]}]}
    assert api.http.post(f"/v2/models/{MODEL}/infer", json=body).json()["model_version"] == str(old)


def test_every_process_sees_a_move_at_once(api: Api) -> None:
    """Whichever answers next, each of many times."""
    old, new = fits(api, 1, 10)
    for version, y in [(old, 3.0), (new, 30.0)] * 5:
        put(api, "champion", version)
        assert [served(api) for _ in range(4)] == [(version, y)] * 4


def test_a_move_from_where_it_is_expected(api: Api) -> None:
    """Otherwise it is a 409 that says where the alias is; null expects that there is none."""
    one, two, three = fits(api, 1, 2, 3)
    assert put(api, "trial", one, if_version=None).status_code == 200
    refused = problem(put(api, "trial", two, if_version=None), 409)
    assert f"stands at version {one}" in refused["detail"] and pointers(refused) == ["/if_version"]
    assert put(api, "trial", two, if_version=one).status_code == 200
    assert f"stands at version {two}" in problem(put(api, "trial", three, if_version=one), 409)["detail"]
    assert f"stands at version {two}" in problem(api.http.delete(f"{ALIASES}/trial?if_version={one}"), 409)["detail"]
    assert api.http.get(f"{ALIASES}/trial").json()["version"] == two
    assert api.http.delete(f"{ALIASES}/trial?if_version={two}").status_code == 200
    assert "is not there" in problem(put(api, "trial", three, if_version=two), 409)["detail"]


def test_of_simultaneous_moves_one_wins(api: Api) -> None:
    """A hundred callers expect the same version: one 200, and one line in the history."""
    one, two = fits(api, 1, 2)
    put(api, "trial", one)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: put(api, "trial", two, if_version=one), range(100)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 99
    history = api.http.get(f"/models/{MODEL}/history?alias=trial").json()["history"]
    assert [(move["from"], move["to"]) for move in history[:2]] == [(one, two), (None, one)]


def test_the_history(api: Api) -> None:
    """Fits, moves and removals, newest first; it can be narrowed."""
    one, two = fits(api, 1, 2)
    put(api, "champion", one)
    put(api, "champion", two)
    put(api, "champion", one, why="rollback", if_version=two)
    api.http.delete(f"{ALIASES}/champion")
    history = api.http.get(f"/models/{MODEL}/history", params={"limit": 6}).json()["history"]
    assert [(move["alias"], move["from"], move["to"], move["why"], move["by"]) for move in history] == [
        ("champion", one, None, "request", ""),
        ("champion", two, one, "rollback", ""),
        ("champion", one, two, "request", ""),
        ("champion", None, one, "request", ""),
        ("latest", one, two, "fit", ""),
        ("latest", one - 1 or None, one, "fit", ""),
    ]
    assert all(move["at"].endswith("Z") for move in history)
    only = api.http.get(f"/models/{MODEL}/history", params={"alias": "latest", "limit": 1}).json()["history"]
    assert [(move["alias"], move["to"]) for move in only] == [("latest", two)]


def test_a_version_is_removed(api: Api) -> None:
    """Once no alias names it; its number is not given again."""
    one, two = fits(api, 1, 2)
    put(api, "trial", one)
    path = f"/models/{MODEL}/versions"
    assert "'trial'" in problem(api.http.delete(f"{path}/{one}"), 409)["detail"]
    assert "'latest'" in problem(api.http.delete(f"{path}/{two}"), 409)["detail"]
    api.http.delete(f"{ALIASES}/trial")
    gone = api.http.delete(f"{path}/{one}")
    assert (gone.status_code, gone.json()) == (200, {"model": MODEL, "version": one, "alias": None})
    problem(api.http.delete(f"{path}/{one}"), 404)
    problem(api.http.get(f"{path}/{one}"), 404)
    problem(api.post(f"models/{MODEL}/predict", {"data": {"X": [[1]]}, "version": one}), 404)
    assert one not in api.http.get(f"/models/{MODEL}").json()["versions"]
    assert fits(api, 1) == [two + 1]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "pointer"),
    [
        ("PUT", f"{ALIASES}/latest", {"version": 1}, 422, "/alias"),
        ("PUT", f"{ALIASES}/7", {"version": 1}, 422, "/alias"),
        ("PUT", f"{ALIASES}/..%2Flatest", {"version": 1}, 404, None),
        ("PUT", f"{ALIASES}/Champion", {"version": 1}, 422, "/alias"),
        ("PUT", f"{ALIASES}/champion", {"version": 99999}, 404, "/version"),
        ("PUT", f"{ALIASES}/champion", {"version": 0}, 422, "/version"),
        ("PUT", f"{ALIASES}/champion", {"version": "1"}, 422, "/version"),
        ("PUT", f"{ALIASES}/champion", {}, 422, ""),
        ("PUT", f"{ALIASES}/champion", {"version": 1, "if": 2}, 422, "/if"),
        ("PUT", f"{ALIASES}/champion", {"version": 1, "if_version": "x"}, 422, "/if_version"),
        ("PUT", f"{ALIASES}/champion", {"version": 1, "why": "gate"}, 422, "/why"),
        ("PUT", "/models/nope/aliases/champion", {"version": 1}, 404, "/model"),
        ("GET", "/models/nope/aliases/champion", None, 404, "/model"),
        ("GET", f"{ALIASES}/nope", None, 404, "/version"),
        ("DELETE", f"{ALIASES}/latest", None, 422, "/alias"),
        ("DELETE", f"{ALIASES}/champion?if_version=x", None, 422, "/if_version"),
        ("DELETE", f"/models/{MODEL}/versions/latest", None, 422, "/version"),
        ("DELETE", f"/models/{MODEL}/versions/99999", None, 404, "/version"),
        ("DELETE", "/models/nope/versions/1", None, 404, "/model"),
        ("DELETE", f"/models/{MODEL}", None, 409, None),
        ("DELETE", "/models/nope", None, 404, "/model"),
        ("GET", "/models/nope/history", None, 404, "/model"),
        ("GET", f"/models/{MODEL}/history?limit=0", None, 422, "/limit"),
        ("GET", f"/models/{MODEL}/history?limit=x", None, 422, "/limit"),
        ("GET", f"/models/{MODEL}/history?since=1", None, 422, "/since"),
    ],
)
def test_what_is_refused(api: Api, method: str, path: str, body: Json, status: int, pointer: str | None) -> None:
    """With a problem document that points to what is wrong."""
    fits(api, 1)
    refused = problem(api.http.request(method, path, json=body), status)
    if pointer is not None:
        assert pointers(refused) == [pointer]


@pytest.mark.parametrize(
    ("content", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"version": 1, "version": 2}', "application/json", 400),
        (b"version=1", "application/x-www-form-urlencoded", 415),
        (b" " * 70_000, "application/json", 413),
    ],
)
def test_bodies_that_cannot_be_read(api: Api, content: bytes, media: str, status: int) -> None:
    """They are refused before anything is looked up."""
    problem(api.http.put(f"{ALIASES}/champion", content=content, headers={"Content-Type": media}), status)


@pytest.mark.parametrize("alias", ["none", "null", "NONE", "1", "01", "-1", "a b", "%2e%2e", "%00", "a%0A", "x" * 65])
def test_an_alias_that_is_not_there_is_named(api: Api, alias: str) -> None:
    """Whatever is asked for."""
    (version,) = fits(api, 1)
    missing = problem(api.http.get(f"{ALIASES}/{alias}"), 404)
    assert "has no alias" in missing["detail"]
    if alias not in {"none", "null"}:
        assert pointers(problem(put(api, alias, version), 422)) == ["/alias"]
        assert pointers(problem(api.http.delete(f"{ALIASES}/{alias}"), 422)) == ["/alias"]


NO_NUMBERS = ["", "0", "-1", "1.0", "01", "1e3", "+1", "%20", "%D9%A1", "null", "9" * 20]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_of_a_version(api: Api, text: str) -> None:
    """Is not taken for one, in paths and in queries alike."""
    fits(api, 1)
    path = f"/models/{MODEL}/versions/{text}"
    assert pointers(problem(api.http.get(path), 404)) == ["/version"]
    assert pointers(problem(api.http.delete(path), 422)) == ["/version"]
    assert api.http.get(f"/v2{path}").status_code == 404
    for query in (f"aliases/champion?if_version={text}", f"history?limit={text}"):
        call = api.http.delete if query.startswith("aliases") else api.http.get
        assert pointers(problem(call(f"/models/{MODEL}/{query}"), 422)) == [f"/{query.split('?')[1].split('=')[0]}"]


@pytest.mark.parametrize("value", ['"1"', "1.0", "true", "0", "-1", "1e3", "[]", "{}", "9" * 20])
def test_if_version_is_a_number_or_null(api: Api, value: str) -> None:
    """Nothing else is taken for one."""
    (version,) = fits(api, 1)
    body = f'{{"version": {version}, "if_version": {value}}}'
    headers = {"Content-Type": "application/json"}
    refused = problem(api.http.put(f"{ALIASES}/champion", content=body, headers=headers), 422)
    assert pointers(refused) == ["/if_version"]
