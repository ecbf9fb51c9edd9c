"""The examples and their pages under keys, with a full queue, and with markup in what they show."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from app.api_keys import new_key
from app.client import Client, fit_once
from examples.document_processing.prepare import main as prepare_documents
from examples.object_detection.prepare import main as prepare_detection
from examples.place_recommender.database import engine, migrate
from examples.place_recommender.simulate import fill, simulate
from examples.place_recommender.sources import TRAINING
from tests.support.api import problem
from tests.support.browser import needs_chromium, visit
from tests.support.servers import ROOT
from tests.support.trinity import trinity

pytestmark = [pytest.mark.slow, needs_chromium]

EXAMPLES = ("object_detection", "place_recommender", "document_processing")
SETTINGS = {
    "TRINITY_MODELS": ",".join(["app.model.models", *(f"examples.{name}.model" for name in EXAMPLES)]),
    "TRINITY_ROUTES": ",".join(f"examples.{name}.routes" for name in EXAMPLES),
    "TRINITY_SOURCES": "app.data.dummy,examples.place_recommender.sources",
}
READER, CALLER = new_key("reader", "read"), new_key("caller", "read+predict")
PICTURE = ROOT / "examples/object_detection/samples/cat.jpg"
MARKUP = '<img src="x" onerror="document.title=1">'
DOCUMENT: Any = {"name": f"{MARKUP}.txt", "mimeType": "text/plain", "buffer": b"Bees make honey."}
STARTS: dict[str, dict[str, Any]] = {
    "/start_task": {"files": {"file": ("cat.jpg", PICTURE.read_bytes())}},
    "/inference/start": {"json": {"user": 1}},
    "/upload": {"files": {"document": ("bees.txt", b"Bees make honey.")}},
}
PAGES = ("/object_detection", "/places", "/document_processing")


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with all examples, under keys, with a full queue and nobody who works."""
    folder = tmp_path_factory.mktemp("busy")
    with ExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        database = f"sqlite:///{folder / 'places.sqlite'}"
        environment.setenv("DATABASE_URL", database)
        migrate()
        fill(engine(), 300, users=20, seed=1)
        simulate(engine(), 200, seed=1)
        stack.callback(lambda: engine().dispose())
        settings = {**SETTINGS, "DATABASE_URL": database}
        with trinity("inline", folder, **settings) as api:
            url = str(api.http.base_url)
            prepare_detection(url)
            prepare_documents(url)
            with Client(url) as client:
                fit_once(client, "places", **TRAINING)
        keys = ",".join(key.entry for _, key in (READER, CALLER))
        settings |= {"TRINITY_API_KEYS": keys, "TRINITY_MAX_PENDING": "1"}
        running = stack.enter_context(trinity("redis", folder, workers=False, **settings))
        with caller(str(running.http.base_url)) as http:
            assert http.post("/start_task", **STARTS["/start_task"]).status_code == 202
        yield str(running.http.base_url)


def caller(url: str, key: str = CALLER[0]) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"X-API-Key": key} if key else {}, timeout=30)


@pytest.mark.parametrize("path", STARTS)
def test_a_start_needs_a_key_with_its_scope_and_room_in_the_queue(busy: str, path: str) -> None:
    for key, status, words in (("", 401, "this needs a key"), (READER[0], 403, "the scope predict")):
        with caller(busy, key) as http:
            assert words in problem(http.post(path, **STARTS[path]), status)["detail"]
    with caller(busy) as http:
        full = http.post(path, **STARTS[path])
        assert "try again later" in problem(full, 429)["detail"] and int(full.headers["Retry-After"]) >= 1


def start(page: Page, path: str) -> None:
    """Do on a page what starts a task."""
    if path == "/object_detection":
        page.locator("#file").set_input_files([])
        page.locator("#file").set_input_files(PICTURE)
    elif path == "/places":
        page.get_by_role("button", name="Find places").click()
    else:
        page.locator("#document").set_input_files(DOCUMENT)
        page.get_by_role("button", name="Process").click()


def visited(browser: Browser, busy: str, path: str) -> Any:
    """Open a page as a browser does whose user gave a key that may only read."""
    credentials = {"username": "-", "password": READER[0]}
    return visit(browser, f"{busy}{path}", tolerated="the server responded", http_credentials=credentials)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_for_a_key_and_says_when_to_try_again(busy: str, browser: Browser, path: str) -> None:
    with visited(browser, busy, path) as seen:
        said = seen.page.locator("main")
        expect(seen.page.get_by_label("Key")).to_have_count(0)
        start(seen.page, path)
        expect(said).to_contain_text("this needs a key")
        for key, words in ((READER[0], "the scope predict"), (CALLER[0], re.compile(r"Try again in \d+ s: "))):
            seen.page.get_by_label("Key").fill(key)
            start(seen.page, path)
            expect(said).to_contain_text(words)


def answers(**by_path: Any) -> Any:
    """Return what answers the page's requests in the place of the service."""

    def answer(route: Route) -> None:
        found = next((content for path, content in by_path.items() if path in route.request.url), None)
        if found is None:
            route.fallback()
        else:
            route.fulfill(status=200, body=json.dumps(found), content_type="application/json")

    return answer


TASK = {"task_id": "0" * 32, "status": "SUCCESS"}
OBJECT = {"name": MARKUP, "class": 0, "confidence": 0.9, "box": {"x1": 1, "y1": 1, "x2": 50, "y2": 50}}
PLACE = {"id": 1, "name": MARKUP, "category": MARKUP, "latitude": 47.4, "longitude": 8.5, "distance_km": 1.0}
ANSWERS: dict[str, dict[str, Any]] = {
    "/object_detection": {"start_task": {**TASK, "image": MARKUP, "result": [OBJECT]}},
    "/places": {
        "inference/start": TASK,
        "inference/status": TASK,
        "inference/results": {**TASK, "places": [{**PLACE, "rating": 4, "price": 2}]},
    },
    "/document_processing": {"upload": TASK, "elab_status": {**TASK, "status": "STARTED", "step": MARKUP}},
}


@pytest.mark.parametrize("path", PAGES)
def test_markup_in_what_a_page_shows_is_text(busy: str, browser: Browser, path: str) -> None:
    with visited(browser, busy, path) as seen:
        title = seen.page.title()
        seen.page.route("**", answers(**ANSWERS[path]))
        start(seen.page, path)
        expect(seen.page.locator("main")).to_contain_text(MARKUP)
        expect(seen.page.locator("img[src=x]")).to_have_count(0)
        assert seen.page.title() == title
