"""Makes the service ready to use: fits the model to the corpus of this folder, if it has no version.

python -m examples.document_processing.prepare http://localhost:5000
"""

import io
import sys
import zipfile
from pathlib import Path

import httpx

CORPUS = Path(__file__).with_name("corpus")
MODEL = "models/documents"
WAIT_S = 60


def corpus() -> bytes:
    """Return the corpus as a zip file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(CORPUS.iterdir()):
            archive.write(path, path.name)
    return file.getvalue()


def main(base_url: str) -> None:
    """Fit the model once; raise an error of httpx if the service refuses."""
    with httpx.Client(base_url=base_url, timeout=WAIT_S + 10) as http:
        if not http.get(MODEL).raise_for_status().json()["versions"]:
            files = {"file": ("corpus.zip", corpus(), "application/zip")}
            http.post(f"{MODEL}/fit", files=files, headers={"Prefer": f"wait={WAIT_S}"}).raise_for_status()


if __name__ == "__main__":
    main(sys.argv[1])
