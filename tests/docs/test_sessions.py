"""The commands of the documents, run in a copy of the project: they start servers, or print what is shown."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.doc_blocks import Block, Step, agrees, blocks, commands, documents, read, steps
from tests.support.doc_commands import copy_of_the_project, printed_by, started, write_files
from tests.support.servers import ROOT, missing_rabbitmq

# What no test of the documents runs, each with its reason. Nothing else is left out.
ELSEWHERE = {
    "pip install": "installs into an environment of its own: tests/system/test_install.py",
    "make up": "needs a Docker engine: tests/system/containers, run by .ci/run",
    "make down": "as make up",
    "COMPOSE_PROFILES=monitoring make up": "as make up",
    "cp .env.example .env": "as make up",
    "docker ": "as make up",
}

# Pages whose blocks have tests of their own, which find each by the remark in its first line.
ELSEWHERE_RUN = {Path("docs/operations.md"): "tests/system/test_operations_*.py"}


@dataclass
class Scene:
    """Sessions of a document with the server that one command starts in the foreground, or with none."""

    document: Path
    start: str | None = None
    sessions: list[Block] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.document.name}: {self.start or 'no server'}"


def scenes(document: Path) -> list[Scene]:
    """The scenes of a document in their order."""
    found = [Scene(document)]
    for block in blocks(read(document)):
        if block.language == "sh":
            found += [Scene(document, command) for command in commands(block) if not left_out(command)]
        elif block.language == "console":
            found[-1].sessions.append(block)
    return [scene for scene in found if scene.start or scene.sessions]


def left_out(command: str) -> bool:
    """Whether no test of the documents runs a command."""
    return command.startswith(tuple(ELSEWHERE))


ALL = [scene for document in documents() if document not in ELSEWHERE_RUN for scene in scenes(document)]


@pytest.fixture
def clone(scene: Scene, tmp_path: Path) -> Path:
    """A copy of the project, with the files in it that the scene's document shows."""
    folder = copy_of_the_project(tmp_path)
    write_files(blocks(read(scene.document)), folder)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("scene", ALL, ids=str)
def test_session(scene: Scene, clone: Path) -> None:
    """A server starts, every command to it prints what the document shows, and Ctrl-C leaves no process behind."""
    if "rabbit" in (scene.start or "") and (missing := missing_rabbitmq()):
        pytest.skip(missing)
    script = [step for session in scene.sessions for step in steps(session)]
    with ExitStack() as stack:
        server = stack.enter_context(started(scene.start, clone)) if scene.start else None
        write_files(blocks(read(scene.document)), clone, server)
        printed = printed_by([step.command for step in script], clone, server)
        log = server.log.read_text() if server else ""
    for step, output in zip(script, printed, strict=True):
        if not agrees(step.expected, output):
            pytest.fail(difference(scene, step, output, log), pytrace=False)


def difference(scene: Scene, step: Step, output: str, log: str) -> str:
    """Return what was printed beside what should have been."""
    return f"$ {step.command}\n{output}\n--- {scene.document} says\n{step.expected}\n--- the server printed\n{log}"


def test_starts() -> None:
    """The documents show how sync mode, the stack over either broker, an own model and keys are started."""
    starts = {scene.start for scene in ALL}
    assert {"make serve", "make stack", "BROKER=rabbit make stack"} <= starts
    assert any("TRINITY_MODELS=" in str(start) for start in starts)
    assert any("TRINITY_API_KEYS_FILE=" in str(start) for start in starts)


@pytest.mark.parametrize("document", documents(), ids=str)
def test_every_block_is_run(document: Path) -> None:
    """A block is commands, a session, or a file that a session uses; only a text is neither."""
    others = [block for block in blocks(read(document)) if block.language not in {"sh", "console", "text"}]
    assert [block.text for block in others if not block.file] == []


def test_nothing_is_left_out_that_is_not_there() -> None:
    """Every command that no test runs stands in a document."""
    found = [command for path in documents() for block in blocks(read(path)) for command in commands(block)]
    assert [each for each in ELSEWHERE if not any(command.startswith(each) for command in found)] == []


@pytest.mark.parametrize(("document", "tests"), ELSEWHERE_RUN.items(), ids=str)
def test_pages_that_are_run_elsewhere_have_tests(document: Path, tests: str) -> None:
    """Every block of theirs begins with the remark that names it, and their tests are there."""
    assert list(ROOT.glob(tests))
    found = [block for block in blocks(read(document)) if block.language != "text"]
    assert [block.text for block in found if not block.text.startswith("# ")] == []
