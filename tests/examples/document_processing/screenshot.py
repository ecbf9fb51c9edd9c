"""Takes the picture of the README: `python -m tests.examples.document_processing.screenshot`."""

import io
import re
import tempfile
from pathlib import Path

from PIL import Image

from tests.examples.harness import example
from tests.support import made_documents as made
from tests.support.browser import chromium, visit
from tests.support.servers import ROOT

PICTURE = ROOT / "examples/document_processing/page.webp"
PAGES = 1_500


def main() -> None:
    """Start the example, upload a long document, and take the picture while it is processed."""
    with tempfile.TemporaryDirectory() as folder, example("document_processing", Path(folder)) as running:
        path = made.write_document(Path(folder), "yearbook.pdf", made.pdf(*["The tide rises slowly. " * 100] * PAGES))
        with chromium() as browser, visit(browser, f"{running.url}/document_processing", width=720) as page:
            page.page.set_viewport_size({"width": 720, "height": 420})
            page.page.set_input_files("#document", path)
            page.page.click("button")
            page.page.locator("#step", has_text=re.compile(r"page \d{3,} of")).wait_for()
            Image.open(io.BytesIO(page.page.screenshot())).save(PICTURE, quality=80)


if __name__ == "__main__":
    main()
