"""Makes the example ready: a first version of the model, without labels, if it has none."""

import os
import sys

from app.client import Client, fit_once


def main(base_url: str) -> None:
    """Fit the model once; raise what the service refuses."""
    with Client(base_url, os.environ.get("TRINITY_KEY") or None) as client:
        fit_once(client, "detector")


if __name__ == "__main__":
    main(sys.argv[1])
