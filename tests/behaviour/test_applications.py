"""Routes of an application, TRINITY_ROUTES: served, listed, described, counted and guarded as the service's own."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.api_keys import new_key
from tests.support.api import MODES, Api, problem
from tests.support.servers import until
from tests.support.trinity import trinity

HELD = {name: new_key(name, scopes) for name, scopes in (("reader", "read"), ("caller", "predict"), ("fitter", "fit"))}


@pytest.fixture(scope="module", params=MODES[:2])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A Trinity with an application, under keys."""
    keys = ",".join(key.entry for _, key in HELD.values())
    folder = tmp_path_factory.mktemp("shop")
    settings = {"TRINITY_ROUTES": "tests.support.shop.routes", "TRINITY_API_KEYS": keys, "DATABASE_URL": ""}
    with trinity(request.param, folder, **settings) as api:
        yield api


def ask(api: Api, method: str, path: str, holder: str = "caller", **more: Any) -> httpx.Response:
    headers = {"X-API-Key": HELD[holder][0], **more.pop("headers", {})}
    return api.http.request(method, path, headers=headers, **more)


def test_an_application_starts_a_job_and_gives_its_state_and_result(shop: Api) -> None:
    started = ask(shop, "POST", "/tasks/start", json={"number": 30})
    assert started.status_code == 202, started.text
    task = started.json()["task_id"]
    assert started.headers["Location"] == f"/jobs/{task}"
    assert int(started.headers["Retry-After"]) >= 1
    if shop.queued:
        ended = ask(shop, "GET", f"/tasks/{task}", params={"wait": 30}).json()
        assert ended["status"] == "SUCCESS" and ended["version"] >= 1
        problem(ask(shop, "GET", f"/tasks/{'0' * 32}"), 404)


@pytest.mark.parametrize(("body", "status", "pointer"), [("{}", 422, ""), ('{"number": "x"}', 422, "/number")])
def test_a_body_that_does_not_fit_is_refused_with_a_pointer(shop: Api, body: str, status: int, pointer: str) -> None:
    refused = ask(shop, "POST", "/tasks/start", content=body, headers={"Content-Type": "application/json"})
    assert [fault["pointer"] for fault in problem(refused, status)["errors"]] == [pointer]


def test_the_state_of_a_task_is_one_route_to_add(shop: Api) -> None:
    if shop.queued:
        task = ask(shop, "POST", "/tasks/start", json={"number": 30}).json()["task_id"]
        ask(shop, "GET", f"/tasks/{task}", params={"wait": 30})
        assert ask(shop, "GET", f"/states/{task}", "reader").json() == {"task_id": task, "status": "SUCCESS"}
    problem(ask(shop, "GET", f"/states/{'0' * 32}", "reader"), 404)


def test_tables_are_one_route_to_add(shop: Api) -> None:
    assert ask(shop, "GET", "/goods/prices", "reader").json() == {"items": [], "next": None}
    assert "goods, prices" in problem(ask(shop, "GET", "/goods/secrets", "reader"), 404)["detail"]
    for query, pointer in (("limit=0", "/limit"), ("limit=x", "/limit"), ("after=x", "/after"), ("limti=1", "/limti")):
        refused = problem(ask(shop, "GET", f"/goods/goods?{query}", "reader"), 422)
        assert [fault["pointer"] for fault in refused["errors"]] == [pointer]


def test_a_query_is_a_struct(shop: Api) -> None:
    assert ask(shop, "GET", "/queries/range?first=3&words=many").json() == {"first": 3, "words": "many"}
    assert ask(shop, "GET", "/queries/range").json() == {"first": 1, "words": "few"}
    for query, pointer in (("first=0", "/first"), ("first=1&first=2", "/first"), ("words=none", "/words")):
        refused = problem(ask(shop, "GET", f"/queries/range?{query}"), 422)
        assert [fault["pointer"] for fault in refused["errors"]] == [pointer]
    described = ask(shop, "GET", "/openapi.json", "reader").json()["paths"]["/queries/range"]["get"]["parameters"]
    assert [(each["name"], each["description"]) for each in described] == [("first", "The first."), ("words", "")]


def test_a_body_may_be_optional(shop: Api) -> None:
    assert ask(shop, "POST", "/queries/optional").json() == {"first": 1, "words": "few"}
    assert ask(shop, "POST", "/queries/optional", json={"first": 3}).json() == {"first": 3, "words": "few"}
    problem(ask(shop, "POST", "/queries/optional", content=b" "), 400)
    described = ask(shop, "GET", "/openapi.json", "reader").json()["paths"]["/queries/optional"]["post"]
    assert described["requestBody"]["required"] is False


def test_the_version_that_answers_is_known(shop: Api) -> None:
    task = ask(shop, "POST", "/tasks/start", json={"number": 30}).json()["task_id"]
    if shop.queued:
        ask(shop, "GET", f"/tasks/{task}", params={"wait": 30})
    fitted, other = ask(shop, "GET", "/queries/version").json()
    assert fitted >= 1 and other is None


def test_what_does_not_answer_is_a_503_without_its_words(shop: Api) -> None:
    answer = ask(shop, "GET", "/odd/unreachable")
    assert problem(answer, 503)["type"] == "urn:trinity:unavailable" and answer.headers["Retry-After"]
    assert "customer" not in answer.text


def test_what_the_checks_of_a_verb_refuse_is_refused_here_as_well(shop: Api) -> None:
    problem(ask(shop, "POST", "/tasks/start", json={"number": -1}), 422)


def test_a_fault_of_an_application_is_a_problem_without_its_words_and_logged_once(shop: Api) -> None:
    broken = ask(shop, "GET", "/odd/bug", headers={"Secret": "of the customer"})
    assert problem(broken, 500)["type"] == "urn:trinity:internal-error"
    assert "customer" not in broken.text and "Traceback" not in broken.text
    log = shop.servers[-1].log
    until(lambda: "on_get_bug" in log.read_text(), "the log names the responder")
    text = log.read_text()
    assert text.count("raised KeyError") == 1 and "customer" not in text


def test_errors_of_falcon_and_ours_are_problems(shop: Api) -> None:
    problem(ask(shop, "GET", "/odd/teapot", "fitter"), 418)
    problem(ask(shop, "GET", "/odd/other", "fitter"), 404)
    problem(ask(shop, "DELETE", "/tasks/start"), 405)
    problem(ask(shop, "GET", "/tasks/start/too/long", "reader"), 404)


def test_the_routes_are_listed_with_an_example_that_has_a_body(shop: Api) -> None:
    listed = {(each["method"], each["path"]): each for each in ask(shop, "GET", "/", "reader").json()["routes"]}
    assert """-d '{"number": 20}'""" in listed["POST", "/tasks/start"]["example"]
    assert listed["GET", "/tasks/{task_id}"]["description"] == "The state of a task, and its result."
    assert ("GET", "/shop") in listed and ("GET", "/shop/static/{file}") not in listed


def test_the_document_describes_them_with_their_keys(shop: Api) -> None:
    document = ask(shop, "GET", "/openapi.json", "reader").json()
    start = document["paths"]["/tasks/start"]["post"]
    assert start["requestBody"]["content"]["application/json"]["example"] == {"number": 20}
    assert {*start["responses"]} >= {"202", "401", "403", "422", "500"}
    assert start["security"] == [{"bearer": ["predict"]}, {"key": ["predict"]}]
    state = document["paths"]["/tasks/{task_id}"]["get"]
    assert [each["name"] for each in state["parameters"] if each["in"] == "path"] == ["task_id"]
    assert document["paths"]["/odd/{word}"]["get"]["security"] == [{"bearer": ["fit"]}, {"key": ["fit"]}]


@pytest.mark.parametrize(
    ("method", "path", "holders"),
    [
        ("GET", "/shop", "reader caller"),
        ("HEAD", "/shop", "reader caller"),
        ("GET", "/shop/static/page.css", "reader caller"),
        ("POST", "/tasks/start", "caller"),
        ("GET", "/odd/thing", "fitter"),
        ("GET", "/goods/goods", "reader"),
        ("GET", f"/states/{'0' * 32}", "reader caller fitter"),
    ],
)
def test_each_route_needs_its_scope(shop: Api, method: str, path: str, holders: str) -> None:
    assert shop.http.request(method, path).status_code == 401
    allowed = {name for name in HELD if ask(shop, method, path, name).status_code != 403}
    assert allowed == set(holders.split())


def test_the_first_page_links_to_the_pages_of_applications_by_their_titles(shop: Api) -> None:
    page = ask(shop, "GET", "/", "reader", headers={"Accept": "text/html"}).text
    assert page.count('<a href="/shop">Shop</a>') == 1 and "static/{file}" not in page


def test_unknown_names_in_a_query_are_refused(shop: Api) -> None:
    problem(ask(shop, "GET", "/tasks/0", params={"weit": "1"}), 422)
    problem(ask(shop, "POST", "/tasks/start", params={"number": "1"}, json={"number": 20}), 422)


BODY = b'{"a": 1}'


@pytest.mark.parametrize("body", [BODY, [BODY]], ids=["whole", "in pieces"])
def test_a_route_without_a_body_refuses_one(shop: Api, body: bytes | list[bytes]) -> None:
    """Routes of the service and of applications alike."""
    asked = [("/queries/bodiless", "caller")] + [("/jobs/0/retry", "fitter")] * (shop.mode != "inline")
    for path, holder in asked:
        found = problem(ask(shop, "POST", path, holder, content=body), 422)
        assert [fault["pointer"] for fault in found["errors"]] == [""] and "takes no body" in found["detail"]


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_route_without_a_body_takes_an_empty_object(shop: Api, body: bytes) -> None:
    """Many clients send one when there is nothing to say."""
    assert ask(shop, "POST", "/queries/bodiless", content=body).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/queries/range"), ("HEAD", "/shop"), ("GET", "/ping")])
@pytest.mark.parametrize("body", [BODY, [BODY]], ids=["whole", "in pieces"])
def test_a_body_without_a_meaning_is_passed_over(shop: Api, method: str, path: str, body: bytes | list[bytes]) -> None:
    """HTTP defines none for these methods (RFC 9110 §9.3)."""
    assert ask(shop, method, path, content=body).status_code == 200


def test_head_and_options_are_answered_as_for_other_routes(shop: Api) -> None:
    head = ask(shop, "HEAD", "/shop")
    assert head.status_code == 200 and not head.content and head.headers["Content-Type"].startswith("text/html")
    options = ask(shop, "OPTIONS", "/tasks/start")
    assert options.status_code == 200 and "POST" in options.headers["Allow"] and "GET" not in options.headers["Allow"]


def test_a_page_and_its_files_are_cached_and_guarded(shop: Api) -> None:
    page = ask(shop, "GET", "/shop")
    assert "<h1>Shop</h1>" in page.text and "script-src 'self'" in page.headers["Content-Security-Policy"]
    again = ask(shop, "GET", "/shop", headers={"If-None-Match": page.headers["ETag"]})
    assert again.status_code == 304
    style = ask(shop, "GET", "/shop/static/page.css")
    assert style.headers["Content-Type"].startswith("text/css") and "green" in style.text


@pytest.mark.parametrize(
    "path", ["../routes.py", "..%2froutes.py", "%2e%2e/routes.py", "routes.py", "../page.html", "."]
)
def test_no_path_leads_out_of_the_folder_of_a_page(shop: Api, path: str) -> None:
    assert ask(shop, "GET", f"/shop/static/{path}").status_code in (401, 403, 404)


def test_requests_are_counted_and_logged_by_route(shop: Api) -> None:
    ask(shop, "GET", "/odd/counted", "fitter", headers={"X-Request-ID": "counted-request"})

    def counted() -> bool:
        return 'route="/odd/{word}"' in ask(shop, "GET", "/metrics", "reader").text

    until(counted, "the metrics have the route")
    until(lambda: "counted-request" in shop.servers[-1].log.read_text(), "the log has the request")


def test_measures_of_an_application_are_metrics(shop: Api) -> None:
    """What cannot be read is left out, and the rest is there."""
    text = ask(shop, "GET", "/metrics", "reader").text
    assert '# HELP shop_goods Goods in the shop.\n# TYPE shop_goods gauge\nshop_goods{kind="apples"} 3.0\n' in text
    assert 'shop_goods{kind="pears"} 0.5' in text and "trinity_up" in text
    assert "shop_losses" not in text
