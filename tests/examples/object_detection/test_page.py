"""The page in a real browser: a picture is chosen, or dropped, and its boxes are drawn where the objects are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import ExifTags, Image
from playwright.sync_api import Browser, expect

from tests.examples.object_detection.screenshot import find
from tests.examples.object_detection.service import FOLDER, detection
from tests.support.api import Api
from tests.support.browser import needs_chromium, visit

pytestmark = [pytest.mark.slow, needs_chromium]

ASTRONAUT = FOLDER / "samples/astronaut.jpg"
DROP = """async (bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "dropped.jpg", { type: "image/jpeg" }));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with detection(tmp_path_factory.mktemp("page")) as running:
        yield running


def test_boxes_are_drawn_on_the_picture_that_was_chosen(api: Api, browser: Browser) -> None:
    with visit(browser, f"{api.http.base_url}/object_detection") as seen:
        find(seen.page, ASTRONAUT)
        expect(seen.page.locator("#objects tr")).to_have_text(["person0.73"])
        expect(seen.page.get_by_role("status")).to_have_text("1 object")
        expect(seen.page.locator("#boxes text")).to_have_text("person 0.73")
        picture = seen.page.locator("#picture").bounding_box()
        box = seen.page.locator("#boxes rect.box").bounding_box()
        assert picture and box
        assert box["width"] / picture["width"] == pytest.approx((364 - 15) / 512, abs=0.02)
        assert (box["x"] - picture["x"]) / picture["width"] == pytest.approx(15 / 512, abs=0.02)


def test_boxes_fit_a_picture_that_lies_on_its_side(api: Api, browser: Browser, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    wide = Image.new("RGB", (700, 512))
    with Image.open(ASTRONAUT) as picture:
        wide.paste(picture)
    wide.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    with visit(browser, f"{api.http.base_url}/object_detection") as seen:
        find(seen.page, tmp_path / "turned.jpg")
        expect(seen.page.locator("#boxes")).to_have_attribute("viewBox", "0 0 700 512")
        expect(seen.page.locator("#objects tr").first).to_contain_text("person")


def test_a_picture_may_be_dropped(api: Api, browser: Browser) -> None:
    with visit(browser, f"{api.http.base_url}/object_detection") as seen:
        seen.page.evaluate(DROP, list(ASTRONAUT.read_bytes()))
        expect(seen.page.locator("#objects tr")).to_have_text(["person0.73"])


def test_what_is_wrong_with_a_file_is_said(api: Api, browser: Browser, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(ASTRONAUT.read_bytes()[:5_000])
    with visit(browser, f"{api.http.base_url}/object_detection") as seen:
        seen.page.get_by_label("choose a file").set_input_files(cut)
        expect(seen.page.get_by_role("status")).to_contain_text("the picture is damaged")
        expect(seen.page.locator("#found")).to_be_hidden()
