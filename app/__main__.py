"""`python -m app COMMAND` and, installed, `trinity COMMAND`: the command line."""

from __future__ import annotations

from app.cli.main import cli


def main() -> None:
    """Run the command that the arguments name, as the installed `trinity`."""
    cli(prog_name="trinity")


if __name__ == "__main__":
    cli(prog_name="python -m app")
