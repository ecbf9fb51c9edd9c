"""Which routes of applications are refused at the start, and in what words."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.bootstrap import build, check_routes
from app.serve.application import Application
from app.serve.openapi.parts import ResponseSpec
from app.serve.resources.application_routes import application_routes
from app.serve.resources.pages import page_routes
from app.serve.resources.route import Route
from app.service import RouteModule, find_routes
from app.settings import Settings, SettingsError

OWN = [Route("GET", "/", ""), Route("POST", "/fit", ""), Route("GET", "/docs/{release}/{name}", "")]


class Order(msgspec.Struct):
    """An object, as a dict is: msgspec cannot tell them apart."""

    number: int


class Resource:
    """Answers nothing."""

    async def on_get(self) -> None:
        """Do nothing."""

    on_post = on_get

    def on_put(self) -> None:
        """Block."""


def made(*routes: Any) -> list[Route]:
    """The routes of an application that returns these."""

    def make(app: Application) -> Iterable[Route]:
        return routes

    return application_routes([RouteModule("shop.routes", make)], None, OWN)  # type: ignore[arg-type]


def get(path: str, method: str = "GET", **more: Any) -> Route:
    return Route(method, path, "", resource=Resource(), **more)


@pytest.mark.parametrize(
    ("route", "why"),
    [
        (get("/"), "words and {placeholders}"),
        (get("/fit"), "begin with /fit"),
        (get("/docs/mine"), "begin with /docs"),
        (get("/models/{name}/mine"), "begin with /models"),
        (get("/jobs"), "begin with /jobs"),
        (get("/{anything}"), "begins with a placeholder"),
        (get("/a/../b c"), "words and {placeholders}"),
        (get("/a/{number:int}"), "words and {placeholders}"),
        (get("mine"), "words and {placeholders}"),
        (get("/mine/"), "words and {placeholders}"),
        (get("/mine", "PUT"), "no responder that is an async method"),
        (get("/mine", "PATCH"), "no responder that is an async method"),
        (get("/mine", "BREW"), "a method other than"),
        (get("/mine", scope="root"), "a scope other than"),
        (
            get("/mine", responses={200: ResponseSpec("Both.", {"application/json": Order | dict[str, int]})}),
            "a type that",
        ),
    ],
)
def test_a_route_that_cannot_be_served_stops_the_start(route: Route, why: str) -> None:
    with pytest.raises(SettingsError, match=r"^TRINITY_ROUTES: 'shop.routes': ") as caught:
        made(route)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (get("/mine"), get("/mine"), "is also of 'shop.routes'"),
        (get("/mine/{a}"), get("/mine/{b}", "POST"), "cannot be distinguished from /mine/{a}"),
    ],
)
def test_two_routes_in_one_place_stop_the_start(first: Route, second: Route, why: str) -> None:
    with pytest.raises(SettingsError) as caught:
        made(first, second)
    assert why in str(caught.value)


def test_routes_beside_each_other_are_fine() -> None:
    assert len(made(get("/mine"), get("/mine", "POST"), get("/mine/{a}"), get("/mine/info"))) == 4


def test_a_route_gets_what_it_does_not_say() -> None:
    route = made(get("/mine/{task_id}"))[0]
    assert [(each.name, each.where) for each in route.parameters] == [("task_id", "path")]
    assert {*route.responses} == {200, 500} and route.application == "shop.routes"


@pytest.mark.parametrize(("given", "why"), [((), "gave no route"), (("text",), "gave str, expected Route")])
def test_a_module_must_give_routes(given: tuple[Any, ...], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        made(*given)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a module that can be imported."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, text: str) -> str:
        (tmp_path / f"{name}.py").write_text(text)
        sys.modules.pop(name, None)
        return name

    return write


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import nothing_of_this_name", "can't import 'shop_a': ModuleNotFoundError"),
        ("routes = 1", "there is no function `routes` in 'shop_a'"),
        ("def routes(app):\n    raise KeyError('x')", r"routes\(\) of 'shop_a' failed: KeyError"),
    ],
)
def test_a_module_that_fails_is_a_wrong_setting(module: Any, tmp_path: Path, text: str, why: str) -> None:
    components = build(Settings(store=str(tmp_path), routes=module("shop_a", text)))
    with pytest.raises(SettingsError, match=f"^TRINITY_ROUTES: {why}"):
        check_routes(components)


def test_modules_are_named_once_or_more() -> None:
    found = find_routes([" tests.support.shop.routes", "", "tests.support.shop.routes"])
    assert [each.name for each in found] == ["tests.support.shop.routes"]


def test_a_page_reads_only_plain_files_of_known_types(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        page_routes("/mine", tmp_path, "Mine.")
    (tmp_path / "page.html").write_text("<p>mine")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "link.css").symlink_to(tmp_path / "secret.txt")
    page = page_routes("/mine", tmp_path, "Mine.")[0].resource
    assert vars(page)["_files"] == {}
    (tmp_path / "static" / "odd.exe").write_bytes(b"")
    with pytest.raises(ValueError, match=r"odd\.exe"):
        page_routes("/mine", tmp_path, "Mine.")
