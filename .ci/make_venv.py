"""Makes a virtual environment with pip in it, also on a Debian without python3-venv: `python3 .ci/make_venv.py FOLDER`.

There pip's wheel, pinned by its digest, is fetched from the package index ($PIP_INDEX_URL, PyPI by default).
It installs itself: a wheel is a zip file that Python can run. Old Pythons must be able to read this file.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import urlopen

OLDEST = (3, 11)
PIP = "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
ADVICE = "apt-get install python3-venv"


def main(target: Path) -> None:
    """Make the environment in `target`, with the standard library's pip or else with the index's."""
    if sys.version_info < OLDEST:
        version = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"Trinity needs Python 3.11 or newer, this is {version}; name another: make PYTHON=python3.12 …")
    try:
        import venv
    except ImportError:
        sys.exit(f"Python's venv module is missing: {ADVICE}")
    try:
        import ensurepip  # noqa: F401  Debian keeps it in python3-venv
    except ImportError:
        venv.create(target, symlinks=True)
        bootstrap(target / "bin" / "python")
    else:
        venv.create(target, symlinks=True, with_pip=True)


def bootstrap(python: Path) -> None:
    """Install the pinned pip into the environment of `python`."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder, PIP)
        try:
            wheel.write_bytes(fetch())
        except (OSError, ValueError) as error:
            sys.exit(f"pip is missing and can't be fetched ({error}): {ADVICE}")
        subprocess.run([python, wheel / "pip", "install", "--quiet", "--no-index", wheel], check=True)


def fetch() -> bytes:
    """Return the pinned wheel from the index; raise ValueError when the index does not have exactly that one."""
    page = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    with urlopen(page) as answer:
        links = re.findall(r'href="([^"]+)"', answer.read().decode())
    link = next((link for link in links if PIP in link), None)
    if link is None:
        raise ValueError(f"{page} has no {PIP}")
    with urlopen(urljoin(page, link)) as answer:
        wheel: bytes = answer.read()
    if hashlib.sha256(wheel).hexdigest() != PIP_SHA256:
        raise ValueError(f"{PIP} from {page} isn't the one that was pinned")
    return wheel


if __name__ == "__main__":
    main(Path(sys.argv[1]))
