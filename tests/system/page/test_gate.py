"""The fields for a gate in the form of a fit: for rows of a source, of a table, and for files; in both modes."""

import io
import zipfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, expect

from tests.support.api import Api
from tests.support.browser import Visit, needs_chromium, visit
from tests.support.file_models import PNG
from tests.support.trinity import trinity

pytestmark = [pytest.mark.slow, needs_chromium]

MODELS = "app.model.models,tests.support.file_models,tests.support.compared_files"


@pytest.fixture(scope="module", params=["inline", "redis"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with trinity(request.param, tmp_path_factory.mktemp("page"), TRINITY_MODELS=MODELS) as running:
        yield running


def table(*rows: tuple[float, float]) -> bytes:
    return b"x;y\n" + "".join(f"{x};{y}\n".replace(".", ",") for x, y in rows).encode()


def sent(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "", "buffer": content}


def zipped(*names: str) -> FilePayload:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, PNG)
    return sent("some.zip", buffer.getvalue())


def opened(seen: Visit, alias: str) -> Locator:
    """The form of a fit, with an alias for its gate."""
    form = seen.page.locator("#fit-form")
    form.get_by_text("Promote the version if it is better").click()
    form.get_by_label("Promote to").fill(alias)
    return form


def test_a_fit_of_a_source_is_compared_on_rows_of_a_source(site: Api, browser: Browser) -> None:
    with visit(browser, f"{site.http.base_url}/?model=polynomial", tolerated="the server responded") as seen:
        form = opened(seen, "latest")
        form.get_by_label("Compare by").select_option("mae")
        form.get_by_label("Their parameters").fill('{"seed": 7, "number": 40}')
        for alias, gain, words in (
            ("latest", "", "(/promote/alias)"),
            ("trial", "-1", "(/promote/gain)"),
            ("trial", "", "It is the trial: there was no trial to compare with."),
            ("trial", "100", "It is not the trial: its mae is not better by 100 or more."),
        ):
            form.get_by_label("Promote to").fill(alias)
            form.get_by_label("Minimum gain").fill(gain)
            form.get_by_role("button", name="Fit").click()
            expect(seen.page.locator("#fit-outcome")).to_contain_text(words)
            expect(form.get_by_role("button", name="Fit")).to_be_enabled()
        expect(form.get_by_label("Held-out table")).to_be_hidden()
    assert site.http.get("/models/polynomial").json()["aliases"]["trial"] == 1


def test_a_fit_to_a_table_is_compared_on_another_table_or_on_a_source(site: Api, browser: Browser) -> None:
    line, steep = table((0, 1.5), (1, 3.5), (2, 5.5)), table((0, 1.5), (1, 4.5), (2, 7.5))
    with visit(browser, f"{site.http.base_url}/?model=multivariate", tolerated="the server responded") as seen:
        form = opened(seen, "champion")
        form.get_by_label("CSV file").check()
        form.get_by_label("Held-out rows").select_option("")
        for training, held_out, words in (
            (line, None, "(/promote/on)"),
            (line, table((4, 9.5), (5, 11.5)), "It is the champion: there was no champion to compare with."),
            (steep, table((4, 9.5), (5, 11.5)), "It is not the champion: it is not better."),
        ):
            seen.page.locator("#fit-file").set_input_files(sent("june.tsv", training))
            expect(seen.page.locator("#columns tbody tr")).to_have_count(2)
            form.get_by_label("Held-out table").set_input_files([] if held_out is None else sent("july.csv", held_out))
            form.get_by_role("button", name="Fit").click()
            expect(seen.page.locator("#fit-outcome")).to_contain_text(words)
            expect(form.get_by_role("button", name="Fit")).to_be_enabled()
        form.get_by_label("Held-out rows").select_option("dummy")
        expect(form.get_by_label("Held-out table")).to_be_hidden()
        expect(form.get_by_label("Their parameters")).to_be_hidden()
        form.get_by_label("Promote to").fill("by_source")
        form.get_by_label("Minimum gain").fill("0")
        form.get_by_role("button", name="Fit").click()
        expect(seen.page.locator("#fit-outcome")).to_contain_text("It is the by_source:")


def test_a_fit_to_files_is_compared_on_a_zip_file(site: Api, browser: Browser) -> None:
    """Of a model whose class has metrics; others have no such fields."""
    with visit(browser, f"{site.http.base_url}/?model=knower", tolerated="the server responded") as seen:
        form = opened(seen, "champion")
        expect(form.get_by_label("Compare by").locator("option").first).to_have_text("known (default)")
        form.get_by_role("button", name="Fit").click()
        expect(seen.page.locator("#fit-outcome.wrong")).to_contain_text("(/file)")
        form.get_by_label("Zip file").set_input_files(zipped("a.png"))
        form.get_by_label("Held-out table, or zip").set_input_files(zipped("a.png", "b.png"))
        form.get_by_role("button", name="Fit").click()
        expect(seen.page.locator("#fit-outcome")).to_contain_text("It is the champion: there was no champion")
        form.get_by_label("Model", exact=True).select_option("upper")
        expect(form.get_by_label("Promote to")).to_be_hidden()
