"""The README's tables and names against the code: settings, scaling knobs, the rooms of app/, the files it mentions."""

import re
from enum import Enum

import msgspec.inspect
import pytest

from app.settings import PREFIX, Settings
from tests.readme.blocks import blocks, commands, readme, table
from tests.servers import ROOT

COMPOSE_FILES = ("docker-compose.yaml", "docker-compose.rabbit.yaml")
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)")


def settings_rows() -> list[list[str]]:
    """Settings as the README's table has them: variable, default, meaning."""
    rows = []
    for name, info in zip(Settings.__struct_fields__, msgspec.inspect.type_info(Settings).fields, strict=True):
        value = info.default.value if isinstance(info.default, Enum) else info.default
        meaning = info.type.extra_json_schema["description"]
        rows.append([f"`{PREFIX}{name.upper()}`", "" if value is None else f"`{value}`", meaning])
    return rows


def names_in(cell: str) -> list[str]:
    """The words of a table's cell that are set as code."""
    return re.findall(r"`([^`]+)`", cell)


def knobs() -> list[str]:
    """All variables of the scaling table."""
    return [name for row in table(readme(), "Scaling") for name in names_in(row[0])]


def test_settings() -> None:
    """The table of settings is what app/settings.py says."""
    assert table(readme(), "Settings") == settings_rows()


def test_rooms() -> None:
    """The table of rooms names every file and folder of app/, and nothing else."""
    named = [name for row in table(readme(), "Where things are") for name in names_in(row[0])]
    there = [f"{path.name}/" if path.is_dir() else path.name for path in (ROOT / "app").iterdir() if path.name != "__pycache__"]
    assert sorted(named) == sorted(there)


@pytest.mark.parametrize("name", knobs())
def test_knob_is_documented_for_compose(name: str) -> None:
    """A knob of the scaling table is in .env.example."""
    assert re.search(rf"^#? ?{name}=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("file", COMPOSE_FILES)
def test_every_knob_is_in_the_stack(file: str) -> None:
    """Both stacks have every knob of the scaling table."""
    assert set(knobs()) - set(VARIABLE.findall((ROOT / file).read_text(encoding="utf-8"))) == set()


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
