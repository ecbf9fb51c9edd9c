"""The example in containers: the settings are those of `make example`, and the tables are made before their use."""

from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from tests.support.servers import ROOT

FOLDER = ROOT / "examples/place_recommender"
SERVICES: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
OURS = ("app", "celery-worker1", "celery-worker2", "flower")


@pytest.mark.parametrize("name", OURS)
def test_its_settings_are_those_of_make_example(name: str) -> None:
    settings = dotenv_values(FOLDER / "example.env")
    extras = settings.pop("EXTRAS")
    environment = dict(SERVICES[name]["environment"])
    assert environment.pop("DATABASE_URL") == "${DATABASE_URL:-}"
    assert environment == settings
    assert SERVICES[name]["build"]["args"] == {"EXTRAS": extras}


def test_one_container_brings_the_tables_up_to_date_once() -> None:
    migrations = SERVICES["migrations"]
    assert migrations["command"][-1] == "examples.place_recommender.database" and "restart" not in migrations
    for name in OURS:
        assert SERVICES[name]["depends_on"]["migrations"] == {"condition": "service_completed_successfully"}
    assert migrations["depends_on"]["postgres"] == {"condition": "service_healthy", "required": False}
