"""The page's forms for models that take files, in both modes: sent by keyboard, dropped, refused, results fetched."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.api import Api
from tests.support.browser import needs_chromium, visit
from tests.support.file_models import PNG
from tests.support.trinity import trinity

pytestmark = [pytest.mark.slow, needs_chromium]

MODELS = "app.model.models,tests.support.file_models"
MARKUP = '<img src="x" onerror="document.title=1">'
DROP = """([form, name, bytes]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([new Uint8Array(bytes)], name));
  const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
  document.querySelector(form).dispatchEvent(event);
}"""


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
        for name in ("copies", "named"):  # the options
            seen.page.keyboard.press("Tab")
            expect(seen.page.get_by_label(name)).to_be_focused()
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


def test_a_fit_to_files_takes_a_zip_file_or_none(site: Api, browser: Browser, tmp_path: Path) -> None:
    """Where a model of rows takes a source or a CSV file."""
    training, wrong = tmp_path / "training.zip", tmp_path / "wrong.zip"
    with zipfile.ZipFile(training, "w") as archive:
        archive.writestr("a.png", PNG)
    wrong.write_bytes(PNG)
    with visit(browser, f"{site.http.base_url}/?model=counted", tolerated="the server responded") as seen:
        form = seen.page.locator("#fit-form")
        expect(form.get_by_label("Zip file")).to_be_visible()
        expect(form.get_by_label("Dummy source")).to_be_hidden()
        form.get_by_label("Zip file").set_input_files(wrong)
        form.get_by_role("button", name="Fit").click()
        expect(seen.page.locator("#fit-outcome.wrong")).to_contain_text("takes application/zip (/file)")
        form.get_by_label("Zip file").set_input_files(training)
        seen.page.locator("#fit-counted-unit").fill("3")
        form.get_by_role("button", name="Fit").click()
        expect(seen.page.locator("#fit-outcome.right")).to_contain_text("counted version 1 is fitted")
        expect(seen.page.locator("#version")).to_contain_text("unit = 3")
        form.get_by_label("Zip file").set_input_files([])
        form.get_by_label("Name of a new model").fill("twin")
        form.get_by_role("button", name="Fit").click()
        expect(seen.page.locator("#fit-outcome.right")).to_contain_text("twin version 1 is fitted")
        form.get_by_label("Model", exact=True).select_option("polynomial")
        expect(form.get_by_label("Zip file")).to_be_hidden()
        expect(form.get_by_label("Dummy source")).to_be_visible()


def test_options_are_fields_beside_the_file_and_a_wrong_one_is_named(site: Api, browser: Browser) -> None:
    with visit(browser, f"{site.http.base_url}/?model=measurer&version=1", tolerated="the server responded") as seen:
        form = seen.page.locator("#predict-form")
        form.get_by_label("File").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": PNG})
        for scale, words in (("0", "(/scale)"), ("0.5", '"width": 16')):
            form.get_by_label("scale").fill(scale)
            form.get_by_label("tags").fill("a,b")
            form.get_by_role("button", name="Predict").click()
            expect(seen.page.locator("#predict-outcome")).to_contain_text(words)
        expect(seen.page.locator("#predict-outcome pre")).to_contain_text('"tags": [ "a", "b" ]')


def test_a_file_may_be_dropped_on_a_form(site: Api, browser: Browser) -> None:
    with visit(browser, f"{site.http.base_url}/?model=measurer&version=1") as seen:
        seen.page.evaluate(DROP, ["#predict-form", "dropped.png", list(PNG)])
        seen.page.locator("#predict-form").get_by_role("button", name="Predict").click()
        expect(seen.page.locator("#predict-outcome.right")).to_contain_text('"name": "dropped.png"')
        seen.page.locator("#fit-model").select_option("polynomial")
        seen.page.evaluate(DROP, ["#fit-form", "table.csv", list(b"x,y\n1,2\n")])
        expect(seen.page.locator("#fit-form").get_by_label("CSV file")).to_be_checked()
        expect(seen.page.locator("#columns tbody tr")).to_have_count(2)


def test_names_with_markup_are_shown_as_text(site: Api, browser: Browser) -> None:
    """Of files, of labels, and of the step of a job."""
    rows = [(str(i), MARKUP if i % 2 else "plain") for i in range(9)]
    table = io.StringIO()
    csv.writer(table).writerows([("x", "y"), *rows])
    site.csv("models/marked/fit", table.getvalue(), target="y", estimator="logistic")
    job = {"id": "0" * 32, "verb": "fit", "model": "m", "status": "STARTED", "created": "2026-01-01T00:00:00Z"}
    feed = f"event: jobs\ndata: {json.dumps({'jobs': [{**job, 'progress': 0.5, 'step': MARKUP}]})}\n\n"
    with visit(browser, f"{site.http.base_url}/?model=upper&version=1") as seen:
        page = seen.page
        page.route("**/jobs/events", lambda route: route.fulfill(body=feed, content_type="text/event-stream"))
        page.reload()
        page.locator("#predict-form").get_by_label("File").set_input_files(
            {"name": f"{MARKUP}.txt", "mimeType": "text/plain", "buffer": b"hello"}
        )
        page.get_by_label("named").fill(MARKUP)
        page.get_by_role("button", name="Predict").click()
        expect(page.locator("#predict-outcome.right a")).to_have_text(f"{MARKUP}1.txt")
        if site.queued:
            expect(page.locator("#jobs-table")).to_contain_text(MARKUP)
        expect(page.locator("img")).to_have_count(0)
        page.goto(f"{site.http.base_url}/?model=marked")
        page.get_by_role("button", name="Predict").click()
        expect(page.locator("#predict-outcome.right")).to_contain_text(MARKUP)
        expect(page.locator("img")).to_have_count(0)
        assert page.title() != "1"
