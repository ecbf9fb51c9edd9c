"""Takes the picture of the README: `python -m tests.examples.place_recommender.screenshot`."""

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.examples.harness import example
from tests.support.browser import chromium, visit

PICTURE = Path(__file__).resolve().parents[3] / "examples/place_recommender/page.webp"


def select(page: Page, number: int) -> str:
    """Ask for places, select one by its number, and return its name."""
    page.get_by_role("button", name="Find places").click()
    expect(page.locator("#list button")).to_have_count(10)
    chosen = page.locator("#list button").nth(number)
    chosen.click()
    expect(page.locator("#list .chosen")).to_have_count(1)
    return (chosen.text_content() or "").rpartition(" km")[0].rpartition(" ")[0]


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        example("place_recommender", Path(folder)) as running,
        chromium() as browser,
        visit(browser, f"{running.url}/places", width=900) as seen,
    ):
        select(seen.page, 1)
        shot = seen.page.screenshot(full_page=True)
    Image.open(io.BytesIO(shot)).convert("RGB").save(PICTURE, quality=80, method=6)


if __name__ == "__main__":
    main()
