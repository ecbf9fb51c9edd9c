"""The README's tables and names against the code: settings, scaling knobs, the rooms of app/, the files it mentions."""

import re
import subprocess
from enum import Enum

import msgspec

from app.settings import PREFIX, Settings
from tests.support.readme_blocks import blocks, commands, readme, table
from tests.support.readme_commands import environment
from tests.support.servers import ROOT

COMPOSE_FILES = ("docker-compose.yaml", "docker-compose.rabbit.yaml")
ACCOUNTS = ("REDIS_PASSWORD", "FLOWER_USER", "FLOWER_PASSWORD", "RABBITMQ_USER", "RABBITMQ_PASSWORD")
MONITORING = ("GRAFANA_PASSWORD", "PROMETHEUS_KEY")
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)")


def settings_rows() -> list[list[str]]:
    """Settings as the README's table has them: variable, default, meaning."""
    described = msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"]
    rows = []
    for field in msgspec.structs.fields(Settings):
        value = field.default.value if isinstance(field.default, Enum) else field.default
        default = "" if value in {None, ""} else f"`{value}`"
        rows.append([f"`{PREFIX}{field.name.upper()}`", default, described[field.name]["description"]])
    return rows


def names_in(cell: str) -> list[str]:
    """The words of a table's cell that are set as code."""
    return re.findall(r"`([^`]+)`", cell)


def knobs() -> list[str]:
    """All knobs of the scaling table, each as NAME=default."""
    return [name for row in table(readme(), "Scaling") for name in names_in(row[0])]


def variables(*files: str) -> set[str]:
    """The environment variables that compose files read."""
    return {name for file in files for name in VARIABLE.findall((ROOT / file).read_text(encoding="utf-8"))}


def test_settings() -> None:
    """The table of settings is what app/settings.py says."""
    assert table(readme(), "Settings") == settings_rows()


def test_rooms() -> None:
    """The table of rooms names every file and folder of app/, and nothing else."""
    named = [name for row in table(readme(), "Where things are") for name in names_in(row[0])]
    there = [
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "app").iterdir()
        if path.name != "__pycache__"
    ]
    assert sorted(named) == sorted(there)


def test_knobs_have_their_defaults() -> None:
    """Every knob of the scaling table stands in .env.example with the same default."""
    example = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    assert [knob for knob in knobs() if f"#{knob}" not in example] == []


def test_knobs_are_turned_by_the_stacks() -> None:
    """Every knob of the scaling table is read by the compose files."""
    assert {knob.partition("=")[0] for knob in knobs()} - variables(*COMPOSE_FILES) == set()


def test_every_variable_of_the_stacks_is_told() -> None:
    """What the compose files read is a knob, a setting, the port, what is built, or an account of .env.example."""
    told = {knob.partition("=")[0] for knob in knobs()} | {row[0].strip("`") for row in table(readme(), "Settings")}
    assert variables(*COMPOSE_FILES) - told == {"PORT", "EXTRAS", *ACCOUNTS, *MONITORING}


def test_ci_starts_both_stacks() -> None:
    """The README's docker compose commands need an engine: .ci/run is where their files are built and driven."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert [file for file in COMPOSE_FILES if file not in script] == []


def test_make_test_runs_pytest() -> None:
    """`make test`, which runs this test, is pytest."""
    planned = subprocess.run(
        ["make", "--dry-run", "test"], cwd=ROOT, env=environment(), capture_output=True, check=True
    )
    assert "pytest" in planned.stdout.decode()


def test_compose_commands_name_files_that_are_there() -> None:
    """What the README gives to docker compose exists."""
    files = [
        name
        for block in blocks(readme())
        if block.language == "sh"
        for command in commands(block)
        for name in re.findall(r"\S+\.yaml|\.env\.example", command)
    ]
    assert files
    assert [name for name in files if not (ROOT / name).is_file()] == []
