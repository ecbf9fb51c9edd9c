"""The command blocks of docs/operations.md, found by their first lines, and run as they stand."""

import os
import subprocess
from pathlib import Path

from tests.support.doc_blocks import blocks
from tests.support.servers import OURS, ROOT

PAGE = ROOT / "docs" / "operations.md"


def command_blocks() -> dict[str, str]:
    """The commands (`sh`) and files (`text`) of the page by their first lines, remarks that say what each is for."""
    found = [block.text for block in blocks(PAGE.read_text(encoding="utf-8")) if block.text.startswith("# ")]
    by_title = {text.splitlines()[0].removeprefix("# "): text for text in found}
    assert len(by_title) == len(found), "two blocks of docs/operations.md have the same first line"
    return by_title


def run(script: str, folder: Path = ROOT, seconds: float = 60, **env: str) -> str:
    """What a block prints in a shell of its own that stops at the first error."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=inherited | env,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout
