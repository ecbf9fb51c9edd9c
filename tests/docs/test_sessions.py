"""The README's commands, run in a copy of the project: those that start servers do, the others print what is shown."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.readme_blocks import Block, agrees, blocks, commands, readme, steps
from tests.support.readme_commands import copy_of_the_project, started
from tests.support.servers import missing_rabbitmq

MODEL_FILE = "mymodel.py"
KEY_COMMAND = ".venv/bin/python -m app key dashboard --scopes read+predict 2>dashboard.key >>keys.txt"
# What no test may start: make test runs this one, and the containers need an engine, driven in tests/system.
ELSEWHERE = ("make test", "cp .env.example .env", "docker ")


@dataclass
class Scene:
    """A command that starts a server in the foreground, and the sessions with it."""

    start: str
    sessions: list[Block] = field(default_factory=list)


def scenes() -> list[Scene]:
    """The README's: a `console` block talks to what the last `make` before it started."""
    found: list[Scene] = []
    for block in blocks(readme()):
        if block.language == "sh":
            found += [Scene(command) for command in commands(block) if not command.startswith(ELSEWHERE)]
        elif block.language == "console":
            found[-1].sessions.append(block)
    return found


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the project with the README's own model beside `app/`."""
    folder = copy_of_the_project(tmp_path)
    (model,) = [block for block in blocks(readme()) if block.language == "python"]
    (folder / MODEL_FILE).write_text(model.text, encoding="utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("scene", scenes(), ids=lambda scene: scene.start)
def test_session(scene: Scene, clone: Path) -> None:
    """A server starts, every command to it prints what the README shows, and Ctrl-C leaves no process behind."""
    if "rabbit" in scene.start and (missing := missing_rabbitmq()):
        pytest.skip(missing)
    script = [step for session in scene.sessions for step in steps(session)]
    with started(scene.start, clone) as server:
        printed = server.printed_by([step.command for step in script])
    for step, output in zip(script, printed, strict=True):
        if not agrees(step.expected, output):
            says = f"--- the README says\n{step.expected}\n--- the server printed\n{server.log.read_text()}"
            pytest.fail(f"$ {step.command}\n{output}\n{says}", pytrace=False)


def test_starts() -> None:
    """The README shows how sync mode, the stack over either broker, an own model and keys are started."""
    assert [scene.start for scene in scenes()] == [
        "make serve",
        "make stack",
        "BROKER=rabbit make stack",
        f"TRINITY_MODELS=app.model.models,{Path(MODEL_FILE).stem} make serve",
        f"{KEY_COMMAND} && TRINITY_API_KEYS_FILE=keys.txt make serve",
    ]


def test_every_block_is_run() -> None:
    """No block is in a language that these tests don't run, but for the picture."""
    languages = {block.language for block in blocks(readme())}
    assert languages == {"sh", "console", "python", "text"}
    assert [block.language for block in blocks(readme())].count("text") == 1
