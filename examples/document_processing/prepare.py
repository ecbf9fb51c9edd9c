"""Makes the example ready: a fit to the corpus of this folder, if the model has no version."""

import os
import sys
from pathlib import Path

from app.client import Client, fit_once


def main(base_url: str) -> None:
    """Fit the model once; raise what the service refuses."""
    with Client(base_url, os.environ.get("TRINITY_KEY") or None) as client:
        fit_once(client, "documents", Path(__file__).with_name("corpus"))


if __name__ == "__main__":
    main(sys.argv[1])
