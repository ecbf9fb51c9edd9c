"""What the documents say of the project's parts, against the code: layers, packages, knobs, variables, files."""

import inspect
import re
import subprocess
from typing import get_args

import pytest

import app.client
from app.api_keys import SCOPES
from app.data.dummy import DummyParams
from app.schemas.bodies import FitBody, PredictBody
from app.schemas.jobs import Envelope, Status
from app.schemas.verbs import VERBS
from app.serve.bodies.formats import READERS
from tests.docs.generate import KNOB, variables
from tests.support.doc_blocks import documents, names_in, read, table, tables
from tests.support.doc_commands import environment
from tests.support.servers import ROOT
from tests.unit.test_architecture import LAYERS

COMPOSE_FILES = ("docker-compose.yaml", "docker-compose.rabbit.yaml")
FILE = re.compile(r"`[\w./]+\.py`")
MAKE = re.compile(r"(?:^|`)(?:[A-Z_]+=\S+ )*make ([a-z]+)", re.MULTILINE)
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)")


NAMES = {
    ("docs/http-api.md", "The request"): {*FitBody.__struct_fields__, *PredictBody.__struct_fields__},
    ("docs/http-api.md", "The answer"): set(Envelope.__struct_fields__),
    ("docs/jobs.md", "States"): set(get_args(Status)),
    ("docs/models.md", "Data"): set(DummyParams.__struct_fields__),
    ("docs/security.md", "Scopes"): set(SCOPES),
    ("docs/client.md", "Errors"): {
        name
        for name, each in vars(app.client).items()
        if inspect.isclass(each) and issubclass(each, app.client.TrinityError) and each is not app.client.TrinityError
    },
}


def read_by(*files: str) -> set[str]:
    """The environment variables that compose files read."""
    return {name for file in files for name in VARIABLE.findall(read(file))}


@pytest.mark.parametrize(("document", "heading"), NAMES)
def test_names(document: str, heading: str) -> None:
    """The first column of a table names what there is in the code, and nothing else."""
    named = [name for row in table(read(document), heading) for name in names_in(row[0])]
    assert sorted(named) == sorted(NAMES[document, heading])


def test_layers() -> None:
    """The table of layers has the rows that the architecture test holds."""
    told = [names_in(row[0]) for row in table(read("docs/architecture.md"), "Layers")]
    assert told == [list(layer) for layer in LAYERS]


def test_packages() -> None:
    """The table of packages names every file and folder of app/, and nothing else."""
    named = [name for row in table(read("docs/architecture.md"), "What is where") for name in names_in(row[0])]
    there = [
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "app").iterdir()
        if path.name != "__pycache__"
    ]
    assert sorted(named) == sorted(there)


def test_body_formats() -> None:
    """Every media type of a request body stands in the table of body formats."""
    (row,) = (row for row in table(read("docs/http-api.md"), "Body formats") if row[0] == "`Content-Type`")
    assert READERS.keys() <= {name for cell in row[1:] for name in names_in(cell)}


def test_steps() -> None:
    """What a row of the architecture says of a file is in that file: every name set as code."""
    rows = [row for part in tables(read("docs/architecture.md")) for row in part if FILE.fullmatch(row[0])]
    assert len(rows) > 20
    told = [(row[0].strip("`"), name) for row in rows for name in names_in(row[1]) if name.isidentifier()]
    assert [(file, name) for file, name in told if name not in read(file)] == []


def test_knobs_are_turned_by_the_stacks() -> None:
    """Every knob of the scaling table is read by the compose files, and stands in .env.example."""
    knobs = {knob["name"] for knob in KNOB.finditer(read("docs/scaling.md"))}
    assert knobs
    assert knobs - read_by(*COMPOSE_FILES) == set()
    assert knobs - {name for name, _, _ in variables()} == set()


def test_messages_carry_so_many_jobs() -> None:
    """The scaling table says how many jobs a message carries at most."""
    text = read("docs/scaling.md")
    assert VERBS["fit"].message_jobs == 1
    assert [f"{VERBS[verb].message_jobs} {verb}s" in text for verb in ("predict", "score")] == [True, True]


def test_every_variable_of_the_stacks_is_documented() -> None:
    """What the compose files read is in .env.example, from which docs/settings.md is made."""
    assert read_by(*COMPOSE_FILES) - {name for name, _, _ in variables()} == set()


def test_compose_files_are_there() -> None:
    """The compose files that the documents name exist, and .ci/run builds and drives both stacks."""
    named = {
        name for path in documents() for name in re.findall(r"(?:deploy/)?docker-compose[\w.-]*\.yaml", read(path))
    }
    assert named >= set(COMPOSE_FILES)
    assert [name for name in named if not (ROOT / name).is_file()] == []
    assert [file for file in COMPOSE_FILES if file not in read(".ci/run")] == []


def test_make_test_runs_pytest() -> None:
    """`make test`, which runs this test, is pytest."""
    planned = subprocess.run(
        ["make", "--dry-run", "test"], cwd=ROOT, env=environment(), capture_output=True, check=True
    )
    assert "pytest" in planned.stdout.decode()


def test_make_targets() -> None:
    """Every target of make that the documents name is there, and those that check are named."""
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    named = {name for path in documents() for name in MAKE.findall(read(path))}
    assert named - targets == set()
    assert {"serve", "stack", "up", "down", "test", "quick", "lint", "bench", "faults"} <= named
