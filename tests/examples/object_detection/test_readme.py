"""The commands of the example's README print what it shows, to an application that was started as it says."""

import shutil
from pathlib import Path

import pytest

from tests.examples.harness import example
from tests.examples.object_detection.service import FOLDER
from tests.support.doc_blocks import agrees, blocks, commands, read, steps
from tests.support.doc_commands import Running, printed_by
from tests.support.servers import ROOT

README = FOLDER / "README.md"
SAMPLES = (FOLDER / "samples").relative_to(ROOT)


def test_its_programs_are_those_that_tests_start() -> None:
    """`make example` is what the harness runs; `.ci/run` starts the containers."""
    shown = [command for block in blocks(read(README)) if block.language == "sh" for command in commands(block)]
    assert shown == [
        "make example NAME=object_detection",
        "docker compose -f docker-compose.yaml -f examples/object_detection/compose.yaml up --build",
    ]


@pytest.mark.slow
def test_its_sessions(tmp_path: Path) -> None:
    shutil.copytree(ROOT / SAMPLES, tmp_path / SAMPLES)
    script = [step for block in blocks(read(README)) if block.language == "console" for step in steps(block)]
    with example("object_detection", tmp_path) as running:
        server = Running(running.url.removeprefix("http://"), running.log)
        printed = printed_by([step.command for step in script], tmp_path, server)
    for step, output in zip(script, printed, strict=True):
        assert agrees(step.expected, output), f"$ {step.command}\n{output}\n--- expected\n{step.expected}"
