"""Takes the picture of the README: `python -m tests.examples.object_detection.screenshot`."""

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from tests.examples.object_detection.service import FOLDER, detection
from tests.support.browser import chromium, visit

PICTURE = FOLDER / "page.webp"


def find(page: Page, picture: Path) -> None:
    """Choose a picture on the page, and wait for its boxes."""
    page.get_by_label("choose a file").set_input_files(picture)
    page.locator("#found").wait_for()


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        detection(Path(folder)) as api,
        chromium() as browser,
        visit(browser, f"{api.http.base_url}/object_detection", width=800) as seen,
    ):
        find(seen.page, FOLDER / "samples/astronaut.jpg")
        shot = seen.page.screenshot(full_page=True)
    Image.open(io.BytesIO(shot)).convert("RGB").save(PICTURE, quality=80, method=6)


if __name__ == "__main__":
    main()
