"""An example in the stack: its settings in examples/NAME/example.env, and the program that makes it ready to use."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from app.cli.errors import CommandFailed
from app.cli.stack.supervisor import Program

FOLDER = Path("examples")
SETTINGS = "example.env"
KEYS = "TRINITY_API_KEYS"
KEY_VARIABLE = "TRINITY_KEY"
"""What the client and the command line take their key from."""


def names(folder: Path = FOLDER) -> list[str]:
    """Return the names of the examples."""
    return sorted(path.parent.name for path in folder.glob(f"*/{SETTINGS}"))


def with_settings(name: str, environ: Mapping[str, str], folder: Path = FOLDER) -> dict[str, str]:
    """Return an environment with the settings of an example, unless the environment sets them; raise CommandFailed.

    Each example has a store of its own, because the workers of one example cannot run the jobs of another.
    """
    from dotenv import dotenv_values

    if name not in (known := names(folder)):
        raise CommandFailed(f"no example {name!r}; there are {', '.join(known) or 'none in this folder'}")
    if (environ.get(KEYS) or environ.get(f"{KEYS}_FILE")) and not environ.get(KEY_VARIABLE):
        raise CommandFailed(
            f"{KEYS} asks for keys: set {KEY_VARIABLE} to one with the scopes read and fit, to prepare {name}"
        )
    settings = {"TRINITY_STORE": f".trinity/examples/{name}", **dotenv_values(folder / name / SETTINGS)}
    return {key: value for key, value in settings.items() if value is not None} | dict(environ)


def preparation(name: str, url: str, environment: Mapping[str, str]) -> Program:
    """Return the program that makes an example ready to use; it runs when the service at `url` responds."""
    return Program("prepare", [sys.executable, "-m", f"examples.{name}.prepare", url], environment)
