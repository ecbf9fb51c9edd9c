"""The recommender over HTTP, in async mode: slates, selections, trainings that serve only if they are better."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from examples.place_recommender.database import TABLES, engine
from examples.place_recommender.database import database as tables
from examples.place_recommender.prepare import main as prepare
from examples.place_recommender.simulate import CENTRE
from tests.support.api import WAIT_S, Api, pointers, problem
from tests.support.trinity import trinity

SETTINGS = {
    "TRINITY_MODELS": "app.model.models,examples.place_recommender.model",
    "TRINITY_SOURCES": "app.data.dummy,examples.place_recommender.sources",
    "TRINITY_ROUTES": "examples.place_recommender.routes",
    "TRINITY_DEFAULT_MODEL": "places",
}
HERE = {"latitude": CENTRE[0], "longitude": CENTRE[1], "affinity": {"café": 1.0, "museum": -1.0}}


@pytest.fixture(scope="module")
def places(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The running example with its first training."""
    with trinity("redis", tmp_path_factory.mktemp("places"), **SETTINGS, DATABASE_URL=database) as api:
        prepare(str(api.http.base_url))
        yield api


def started(api: Api, **who: Any) -> str:
    answer = api.http.post("/inference/start", json=who or HERE)
    assert answer.status_code == 202 and answer.headers["Retry-After"], answer.text
    assert answer.json()["status"] in {"PENDING", "STARTED", "SUCCESS"}
    return str(answer.json()["task_id"])


def results(api: Api, task: str, limit: int = 10) -> list[Any]:
    """The places of a task, once it has ended."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        answer = api.http.get(f"/inference/results/{task}", params={"limit": limit})
        assert answer.status_code == 200, answer.text
        found = answer.json()
        if found["status"] == "SUCCESS":
            return list(found["places"])
        assert found["status"] in {"PENDING", "STARTED"} and found["places"] == []
    raise TimeoutError(task)


def trained(api: Api) -> Any:
    """The result of a training."""
    task = api.http.post("/train/start").json()["task_id"]
    envelope = api.http.get(f"/jobs/{task}", params={"wait": WAIT_S}).json()
    assert envelope["status"] == "SUCCESS", envelope
    for path in ("/inference/status", "/train/status"):
        assert api.http.get(f"{path}/{task}").json() == {"task_id": task, "status": "SUCCESS"}
    return envelope["result"]


def test_the_first_training_serves(places: Api) -> None:
    info = places.http.get("/content/info").json()
    assert info["version"] == 1 and info["selections"] >= 5_000
    version = places.http.get("/models/places/versions/champion").json()
    assert set(version["metrics"]) >= {"hit_at_1", "hit_at_3", "mrr", "ndcg", "n", "slates", "position_effect"}


def test_places_are_ranked_and_recorded_as_shown(places: Api) -> None:
    """The same again for who asks again, and more of them for who asks for more."""
    task = started(places)
    first = results(places, task, 5)
    assert [place["position"] for place in first] == [0, 1, 2, 3, 4]
    assert all(a["probability"] >= b["probability"] for a, b in pairwise(first))
    assert all(0 <= place["distance_km"] <= 5 for place in first)
    assert results(places, task, 5) == first
    assert results(places, task, 12)[:5] == first
    assert sum(place["category"] == "café" for place in first) > sum(place["category"] == "museum" for place in first)


def test_filters(places: Api) -> None:
    found = results(places, started(places, user=3, categories=["park"], radius_km=4.0))
    assert found and {place["category"] for place in found} == {"park"}


def test_selections_are_recorded_and_may_change(places: Api) -> None:
    task = started(places, user=2)
    unseen = {"task_id": task, "location_id": 1}
    assert problem(places.http.put("/inference/select", json=unseen), 404)
    shown = results(places, task, 3)
    chosen = {"task_id": task, "location_id": shown[1]["id"]}
    before = places.http.get("/content/info").json()["selections"]
    for body, position in ((chosen, 1), (chosen, 1), ({**chosen, "location_id": None}, None)):
        answer = places.http.put("/inference/select", json=body)
        assert (answer.status_code, answer.json()) == (200, {**body, "position": position})
    assert places.http.get("/content/info").json()["selections"] == before + 1
    wrong = problem(places.http.put("/inference/select", json={**chosen, "location_id": -1}), 422)
    assert pointers(wrong) == ["/location_id"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/latitude"),
        ({"latitude": 1.0}, "/longitude"),
        ({"user": 987_654}, "/user"),
        ({"user": 2**63}, "/user"),
        ({"latitude": 91, "longitude": 0}, "/latitude"),
        ({"user": 1, "radius_km": 0}, "/radius_km"),
        ({"user": 1, "radius_km": 1e-300}, "/radius_km"),
        ({"user": 1, "sql": "x"}, "/sql"),
        ({"user": 1, "categories": ["park", "casino"]}, "/categories/1"),
        ({**HERE, "affinity": {"café": 1.0, "a/b": 0.5}}, "/affinity/a~1b"),
    ],
)
def test_what_cannot_be_asked(places: Api, body: Any, pointer: str) -> None:
    assert pointers(problem(places.http.post("/inference/start", json=body), 422)) == [pointer]


def test_unknown_categories_are_refused_with_those_that_there_are(places: Api) -> None:
    """At the route, and where the source is named in a request of the service's own."""
    there_are = [each["name"] for each in places.http.get("/content/categories?limit=100").json()["items"]]
    body = {"user": 1, "categories": ["casino"]}
    assert ", ".join(there_are) in problem(places.http.post("/inference/start", json=body), 422)["detail"]
    data = {"source": "candidates", "params": body}
    refused = problem(
        places.http.post("/models/places/predict", json={"data": data}, headers={"Prefer": "wait=30"}), 422
    )
    assert pointers(refused) == ["/data/params/categories/0"]


def test_unknown_tasks_and_contents(places: Api) -> None:
    for path in ("/inference/status/none", "/inference/results/none", "/content/none"):
        problem(places.http.get(path), 404)
    nowhere = places.http.post("/inference/start", json={"latitude": 0.0, "longitude": 0.0}).json()["task_id"]
    places.http.get(f"/jobs/{nowhere}", params={"wait": WAIT_S})
    assert "no such place" in problem(places.http.get(f"/inference/results/{nowhere}"), 422)["detail"]
    assert places.http.get(f"/inference/status/{nowhere}").json()["status"] == "FAILURE"


def test_contents_come_in_pages(places: Api) -> None:
    seen: list[int] = []
    after: dict[str, str] = {}
    while True:
        page = places.http.get("/content/users", params={"limit": 30, **after}).json()
        seen += [user["id"] for user in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == list(range(1, 101))
    for name in ("locations", "inferences", "shown", "selections"):
        assert len(places.http.get(f"/content/{name}").json()["items"]) == 10
    assert pointers(problem(places.http.get("/content/users", params={"after": "x"}), 422)) == ["/after"]


def test_a_training_serves_only_if_it_is_better(places: Api) -> None:
    """On the same selections it is not, nor after a fit to choices at random; the log says by how much."""
    again = trained(places)["promotion"]
    assert (again["promoted"], again["metric"], again["champion"]) == (False, "mrr", 1)
    gate = {"on": {"source": "selections", "params": {"part": "held_out"}}, "metric": "mrr"}
    few = {"source": "selections", "params": {"choice_sets": 30}}
    body = {"data": few, "ignore": ["location_id"], "promote": gate}
    worse = places.result("models/places/fit", body)["promotion"]
    assert not worse["promoted"] and worse["score"] < worse["champion_score"] == again["champion_score"]
    assert places.http.get("/content/info").json()["version"] == 1
    log = places.log()
    assert f"mrr {worse['score']:.6g}, {worse['score'] - worse['champion_score']:+.6g} to version 1" in log


def test_a_training_takes_the_parameters_of_a_fit_and_nothing_else(places: Api) -> None:
    task = places.http.post("/train/start", json={"params": {"penalty": 25.0}}).json()["task_id"]
    result = places.http.get(f"/jobs/{task}", params={"wait": WAIT_S}).json()["result"]
    version = places.http.get(f"/models/places/versions/{result['version']}").json()
    assert version["params"]["penalty"] == 25.0
    for body, pointer in (
        ({"params": {"penalty": -1}}, "/params/penalty"),
        ({"params": {"penalties": 1}}, "/params/penalties"),
        ({"penalty": 1}, "/penalty"),
    ):
        assert pointers(problem(places.http.post("/train/start", json=body), 422)) == [pointer]


def test_the_examples_that_are_listed_are_accepted(places: Api) -> None:
    """But for the one of a selection, which needs a task of its own."""
    paths = places.http.get("/openapi.json").json()["paths"]
    for path in ("/inference/start", "/train/start"):
        body = paths[path]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert places.http.post(path, json=body).status_code == 202
    body = paths["/inference/select"]["put"]["requestBody"]["content"]["application/json"]["example"]
    task = started(places)
    shown = results(places, task, 3)
    assert places.http.put(
        "/inference/select", json={**body, "task_id": task, "location_id": shown[0]["id"]}
    ).is_success


def test_statistics_are_metrics(places: Api) -> None:
    text = places.http.get("/metrics").text
    assert f'places_rows{{table="selections"}} {float(tables.count_rows(TABLES)["selections"])}' in text
    assert 'places_selected{figure="mean_reciprocal_rank"} 0.' in text


def test_a_hundred_tasks_at_once(places: Api) -> None:
    """All ids come back, and all are collected, also where a worker's processes die meanwhile."""
    with ThreadPoolExecutor(16) as pool:
        tasks = list(pool.map(lambda i: started(places, user=1 + i), range(100)))
        found = list(pool.map(lambda task: results(places, task), tasks))
    assert len(set(tasks)) == 100 and all(len(each) == 10 for each in found)
    assert engine().url.render_as_string() not in places.log()


def test_the_routes_are_listed(places: Api) -> None:
    listed = places.http.get("/", headers={"Accept": "application/json"}).text
    for path in ("/inference/start", "/inference/select", "/train/start", "/content/{what}", "/places"):
        assert path in listed
    page = places.http.get("/places")
    assert page.status_code == 200 and "Places around you" in page.text


def test_a_database_that_does_not_answer_is_a_503_without_its_secret(tmp_path: Path) -> None:
    """The rest of the service goes on: /metrics leaves out what cannot be read."""
    url = "postgresql+psycopg://places:hidden@127.0.0.1:9/places?connect_timeout=2"
    with trinity("inline", tmp_path, **SETTINGS, DATABASE_URL=url) as api:
        problem(api.http.post("/inference/start", json={"user": 1}), 503)
        problem(api.http.get("/content/info"), 503)
        problem(api.post("models/places/fit", {"data": {"source": "selections"}}), 503)
        metrics = api.http.get("/metrics")
        assert metrics.status_code == 200 and "places_rows" not in metrics.text
        assert "hidden" not in api.log()
