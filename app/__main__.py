"""`python -m app COMMAND`: the command line."""

from __future__ import annotations

from app.cli.main import cli

if __name__ == "__main__":
    cli(prog_name="python -m app")
