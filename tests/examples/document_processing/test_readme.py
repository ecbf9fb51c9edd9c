"""The README: every command in it prints what it shows, and its picture is there."""

import re
from pathlib import Path

import pytest

from tests.examples.harness import example
from tests.support.doc_blocks import agrees, blocks, commands, read, steps
from tests.support.doc_commands import Running, copy_of_the_project, printed_by
from tests.support.servers import ROOT

README = Path("examples/document_processing/README.md")


def test_links_of_the_readme_lead_to_files_of_the_folder() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", read(README)) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / README.parent / link).exists()] == []
    assert (ROOT / README.parent / "page.webp").stat().st_size < 150_000


def test_commands_that_start_something_are_those_that_other_tests_run() -> None:
    """Test_running.py starts the example as the first does; containers are driven beside the tests."""
    started = [command for block in blocks(read(README)) if block.language == "sh" for command in commands(block)]
    compose = "docker compose -f docker-compose.yaml -f examples/document_processing/compose.yaml up --build"
    assert started == ["make example NAME=document_processing", compose]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_session_prints_what_the_readme_shows(tmp_path: Path) -> None:
    script = [step for block in blocks(read(README)) if block.language == "console" for step in steps(block)]
    clone = copy_of_the_project(tmp_path)
    with example("document_processing", tmp_path) as running:
        server = Running(running.url.removeprefix("http://"), running.log)
        printed = printed_by([step.command for step in script], clone, server)
    for step, output in zip(script, printed, strict=True):
        assert agrees(step.expected, output), f"{step.command}\n{output}"
