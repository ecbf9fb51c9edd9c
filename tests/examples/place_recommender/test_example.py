"""The recommender as `make example` starts it, over SQLite and PostgreSQL: its README, its page, no task lost."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.examples.harness import Example, collect_all, example, submit_all
from tests.examples.place_recommender.screenshot import select
from tests.support.browser import chromium, needs_chromium, visit
from tests.support.doc_blocks import agrees, blocks, commands, read, steps
from tests.support.doc_commands import Running, printed_by
from tests.support.postgres import missing_postgres, postgres

README = blocks(read("examples/place_recommender/README.md"))
STARTS = [command for block in README if block.language == "sh" for command in commands(block)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """The example, by either command that its README shows."""
    folder = tmp_path_factory.mktemp("example")
    with ExitStack() as stack:
        settings = {}
        if request.param == "postgresql":
            if missing := missing_postgres():
                pytest.skip(missing)
            settings = {"DATABASE_URL": stack.enter_context(postgres(folder))}
        yield stack.enter_context(example("place_recommender", folder, **settings))


def start(http: httpx.Client, number: int) -> str:
    return str(http.post("/inference/start", json={"user": 1 + number}).raise_for_status().json()["task_id"])


def places(http: httpx.Client, task: str) -> Any:
    found = http.get(f"/inference/results/{task}").raise_for_status().json()
    return found["places"] or None


def test_it_starts_ready_to_use(running: Example) -> None:
    with running.client() as http:
        info = http.get("/content/info").json()
    assert (info["locations"], info["users"], info["version"]) == (20_000, 200, 1) and info["selections"] >= 5_000


def test_its_readme_runs(running: Example, tmp_path: Path) -> None:
    """Both commands that start it are those of the fixture; each command of the session prints what is shown."""
    assert STARTS[0] == "make example NAME=place_recommender" and len(STARTS) == 2
    assert STARTS[1].startswith("DATABASE_URL=postgresql+psycopg://places@") and STARTS[1].endswith(f" {STARTS[0]}")
    assert {block.language for block in README} == {"sh", "console"}
    script = [step for block in README if block.language == "console" for step in steps(block)]
    server = Running(running.url.removeprefix("http://"), running.log)
    printed = printed_by([step.command for step in script], tmp_path, server)
    for step, output in zip(script, printed, strict=True):
        assert agrees(step.expected, output), f"$ {step.command}\n{output}\n---\n{step.expected}"


def test_a_hundred_tasks_outlive_a_killed_worker(running: Example) -> None:
    ids = submit_all(running, start)
    found = collect_all(running, ids, places, kill_after=20)
    assert all([place["position"] for place in each] == list(range(10)) for each in found)


@needs_chromium
def test_its_page_shows_places_and_takes_a_selection(running: Example) -> None:
    with chromium() as browser, visit(browser, f"{running.url}/places") as seen:
        name = select(seen.page, 2)
        expect(seen.page.get_by_role("status")).to_have_text(f"You chose {name}.")
        expect(seen.page.locator("#map text")).to_have_count(10)
        seen.page.get_by_role("button", name="None of these").click()
        expect(seen.page.get_by_role("status")).to_have_text("You chose none of these.")
        seen.page.get_by_role("button", name="Train").click()
        expect(seen.page.get_by_role("status")).to_contain_text("Trained", timeout=60_000)
        assert seen.errors == []
    with running.client() as http:
        newest = http.get("/content/selections", params={"limit": 100}).json()["items"]
        assert any(each["location_id"] is None for each in newest)


def test_the_secret_of_a_database_is_in_no_log(running: Example) -> None:
    assert "postgresql+psycopg://" not in running.text
