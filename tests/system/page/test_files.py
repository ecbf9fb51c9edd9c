"""The page's form for models that take files, in both modes: sent by keyboard, refused, and its result fetched."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.api import Api
from tests.support.browser import chromium, missing_chromium, visit
from tests.support.file_models import PNG
from tests.support.trinity import trinity

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing_chromium()), reason=missing_chromium() or "-")]

MODELS = "app.model.models,tests.support.file_models"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module", params=["inline", "redis"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with trinity(request.param, tmp_path_factory.mktemp("page"), TRINITY_MODELS=MODELS) as running:
        for model in ("measurer", "upper"):
            running.result(f"models/{model}/fit", {})
        yield running


def test_a_file_is_sent_by_keyboard_and_the_file_of_its_result_is_fetched(
    site: Api, browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / 'a "b" caf\xe9.txt'
    path.write_text("hello")
    with visit(browser, f"{site.http.base_url}/?model=upper&version=1") as seen:
        field = seen.page.locator("#predict-form").get_by_label("File")
        field.set_input_files(path)
        field.focus()
        seen.page.keyboard.press("Tab")
        expect(seen.page.get_by_role("button", name="Predict")).to_be_focused()
        seen.page.keyboard.press("Enter")
        assert '"characters": 5' in seen.outcome("predict")
        with seen.page.expect_download() as fetched:
            seen.page.get_by_role("link", name="copy1.txt").click()
        assert fetched.value.suggested_filename == "copy1.txt"
        assert Path(fetched.value.path()).read_bytes() == b"HELLO"


def test_a_refused_file_is_said_and_another_can_be_sent(site: Api, browser: Browser, tmp_path: Path) -> None:
    picture, text, broken = (tmp_path / name for name in ('"><b>\u202egnp.png', "a.txt", "broken.png"))
    picture.write_bytes(PNG)
    text.write_text("no picture")
    broken.write_bytes(PNG + b"broken")
    with visit(browser, f"{site.http.base_url}/?model=measurer&version=1", tolerated="the server responded") as seen:
        form = seen.page.locator("#predict-form")
        for path, words in ((text, "the file is text/plain; the model"), (broken, "the picture is broken (/file)")):
            form.get_by_label("File").set_input_files(path)
            form.get_by_role("button", name="Predict").click()
            expect(seen.page.locator("#predict-outcome.wrong")).to_contain_text(words)
            expect(form.get_by_role("button", name="Predict")).to_be_enabled()
        form.get_by_label("File").set_input_files(picture)
        form.get_by_role("button", name="Predict").click()
        expect(seen.page.locator("#predict-outcome.right")).to_contain_text('"width": 32')
        expect(seen.page.locator("#predict-outcome.right pre")).to_contain_text('"name": "\\"><b>gnp.png"')
        expect(seen.page.locator("#predict-outcome b")).to_have_count(0)
