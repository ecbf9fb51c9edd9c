"""An example as the stack runs it: its settings, examples/NAME/example.env, and what makes it ready to use."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from app.cli.errors import CommandFailed
from app.cli.stack.supervisor import Program

FOLDER = Path("examples")
SETTINGS = "example.env"


def names(folder: Path = FOLDER) -> list[str]:
    """Return the names of the examples."""
    return sorted(path.parent.name for path in folder.glob(f"*/{SETTINGS}"))


def with_settings(name: str, environ: Mapping[str, str], folder: Path = FOLDER) -> dict[str, str]:
    """Return an environment with the settings of an example, where it has none of its own; raise CommandFailed.

    Each example has a store of its own, since the workers of one example cannot do the jobs of another.
    """
    from dotenv import dotenv_values

    if name not in (known := names(folder)):
        raise CommandFailed(f"no example {name!r}; there are {', '.join(known) or 'none in this folder'}")
    settings = {"TRINITY_STORE": f".trinity/examples/{name}", **dotenv_values(folder / name / SETTINGS)}
    return {key: value for key, value in settings.items() if value is not None} | dict(environ)


def preparation(name: str, url: str, environment: Mapping[str, str]) -> Program:
    """Return the program that makes an example ready to use once the service at `url` answers."""
    return Program("prepare", [sys.executable, "-m", f"examples.{name}.prepare", url], environment)
