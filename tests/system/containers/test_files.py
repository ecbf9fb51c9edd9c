"""The compose files, .env.example and the Dockerfile: same knobs in both stacks, no default password, one open port."""

import os
import re
from itertools import pairwise

import msgspec
import pytest

from app.settings import PREFIX, Settings
from tests.support.compose_files import STACKS, services, variables
from tests.support.servers import ROOT

ACCOUNTS = {"REDIS_PASSWORD", "FLOWER_USER", "FLOWER_PASSWORD", "RABBITMQ_USER", "RABBITMQ_PASSWORD"}
# without them no webhooks, no Grafana, and no PostgreSQL
OPTIONAL_SECRETS = {"TRINITY_WEBHOOK_SECRET", "GRAFANA_PASSWORD", "POSTGRES_PASSWORD"}
KNOBS = {
    *(
        "WEB_CONCURRENCY",
        "WORKER_CONCURRENCY",
        "WORKER1_REPLICAS",
        "WORKER2_REPLICAS",
        "BLAS_THREADS",
        "REDIS_MAXMEMORY",
    ),
    *(
        f"{service}_{of}"
        for service in ("NGINX", "APP", "WORKER1", "WORKER2", "FLOWER", "REDIS", "PROMETHEUS", "GRAFANA", "POSTGRES")
        for of in ("CPUS", "MEMORY")
    ),
    *("NGINX_RATE", "NGINX_BURST", "NGINX_CONNECTIONS"),
    *("TRINITY_PREFETCH", "TRINITY_MAX_PENDING", "TRINITY_MAX_BODY", "TRINITY_MAX_IMPORT"),
    *(f"TRINITY_RATE_LIMIT_{verb}" for verb in ("FIT", "PREDICT", "SCORE")),
}
SYNC_ONLY = {"max_fits"}
SET_BY_THE_STACK = {"mode", "broker_url", "ledger_url", "store", "flower_url", "accel_redirect"}


@pytest.fixture(params=STACKS)
def file(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_stacks_differ_in_the_broker_alone() -> None:
    redis, rabbit = (services(file) for file in STACKS)
    assert rabbit.keys() - redis.keys() == {"rabbitmq"}
    differing = {
        (name, key) for name, service in redis.items() for key in service if rabbit[name].get(key) != service[key]
    }
    assert {key for _, key in differing} == {"environment", "depends_on"}
    assert {name for name, _ in differing} == {"app", "celery-worker1", "celery-worker2", "flower"}


def test_both_stacks_have_every_knob_with_one_default(file: str) -> None:
    found = variables(services(file))
    assert found.keys() >= KNOBS
    nginx_needs_numbers = {"TRINITY_MAX_BODY", "TRINITY_MAX_IMPORT", "TRINITY_MAX_FILE", "TRINITY_MAX_WAIT"}
    assert {name for name in KNOBS - nginx_needs_numbers if len(found[name]) > 1} == set()


def test_no_stack_starts_without_its_passwords(file: str) -> None:
    found = variables(services(file))
    accounts = ACCOUNTS if file == "docker-compose.rabbit.yaml" else ACCOUNTS - {"RABBITMQ_USER", "RABBITMQ_PASSWORD"}
    assert {name for name in found if re.search("PASS|USER|SECRET|TOKEN", name)} == accounts | OPTIONAL_SECRETS
    assert {of for name in OPTIONAL_SECRETS for of in found[name]} == {":-"}
    for name in accounts:
        assert any(of.startswith(":?") for of in found[name]), f"{name} may be missing"
        assert not any(of.startswith(":-") for of in found[name]), f"{name} has a default"


def test_only_nginx_is_reachable(file: str) -> None:
    stack = services(file)
    assert [name for name, service in stack.items() if "ports" in service] == ["nginx"]
    assert [name for name, service in stack.items() if "edge" in service["networks"]] == ["nginx"]
    assert [name for name, service in stack.items() if service.get("network_mode")] == []


def test_monitoring_starts_when_asked_for_and_with_a_password(file: str) -> None:
    stack = services(file)
    monitoring = {name for name, service in stack.items() if service.get("profiles") == ["monitoring"]}
    assert monitoring == {"prometheus", "grafana"}
    for name in monitoring:
        assert re.fullmatch(r".+:v?\d+\.\d+\.\d+", stack[name]["image"]), "the image isn't pinned"
    assert '[ -n "$$GF_SECURITY_ADMIN_PASSWORD" ] ||' in stack["grafana"]["entrypoint"][-1]


def test_a_database_starts_when_asked_for(file: str) -> None:
    """PostgreSQL's image refuses to start without a password."""
    stack = services(file)
    profiles = {name: service["profiles"] for name, service in stack.items() if "profiles" in service}
    assert [name for name, of in profiles.items() if of == ["postgres"]] == ["postgres"]
    assert len(profiles) == 3
    assert stack["postgres"]["environment"]["POSTGRES_PASSWORD"] == "${POSTGRES_PASSWORD:-}"
    for name in ("app", "celery-worker1", "celery-worker2"):
        assert stack[name]["environment"]["DATABASE_URL"] == "${DATABASE_URL:-}"


def test_every_service_is_confined_watched_and_bounded(file: str) -> None:
    for name, service in services(file).items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"], name
        assert re.fullmatch(r"\d+[sm]", service["stop_grace_period"]), name
        assert service["logging"]["options"]["max-size"], name
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}, name
        assert service.get("user", "") != "root", name
        assert not service.keys() & {"container_name", "privileged", "devices"}, name


def test_the_app_gets_every_setting(file: str) -> None:
    """Each as a variable of the same name whose default is the setting's own; in the workers too."""
    stack = services(file)
    for name in ("app", "celery-worker1", "celery-worker2", "flower"):
        environment = stack[name]["environment"]
        fields = set(Settings.__struct_fields__)
        assert {key for key in environment if key.startswith(PREFIX)} == {
            PREFIX + field.upper() for field in fields - SYNC_ONLY
        }
        for field in fields - SYNC_ONLY - SET_BY_THE_STACK:
            variable = PREFIX + field.upper()
            assert environment[variable] == f"${{{variable}:-}}"


def test_nginx_has_the_apps_own_defaults(file: str) -> None:
    nginx = services(file)["nginx"]["environment"]
    for field in ("max_body", "max_file", "max_wait"):
        variable = PREFIX + field.upper()
        assert nginx[variable] == f"${{{variable}:-{getattr(Settings(), field)}}}"


def test_env_example_explains_every_variable_of_the_stacks() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    entries = {match[1]: match[2] for line in lines if (match := re.fullmatch(r"#?(\w+)=(.*)", line))}
    used = variables([services(file) for file in STACKS])
    assert entries.keys() == used.keys()
    assert {name for name in ACCOUNTS if entries[name]} == set(), "a password that everybody knows"
    for before, line in pairwise(lines):
        if re.fullmatch(r"#?\w+=.*", line):
            assert before.startswith("#"), f"nothing explains {line}"


def test_env_example_shows_the_defaults_that_hold() -> None:
    entries = dict(re.findall(r"^#(\w+)=(.*)$", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    used = variables([services(file) for file in STACKS])
    fields = {PREFIX + field.name.upper(): field.default for field in msgspec.structs.fields(Settings)}
    for name, shown in entries.items():
        if name in fields:
            assert shown == ("" if fields[name] is None else str(fields[name]))
        else:
            assert used[name] == {f":-{shown}"}


def test_the_image_runs_as_a_plain_user_from_wheels_alone() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    final = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert re.search(r'^CMD \["gunicorn", "app:api", "--bind", "0\.0\.0\.0:5000"\]$', final, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", final, re.MULTILINE)
    assert text.index("COPY requirements ") < text.index("COPY app ")
    assert "--only-binary :all:" in text


def test_the_image_may_be_built_for_traces() -> None:
    """With the versions that are locked for all else too, and with a way to the collector."""
    plain, tracing, tests = (
        set(re.findall(r"^[\w.-]+==\S+", (ROOT / f"requirements/{file}.txt").read_text(encoding="utf-8"), re.MULTILINE))
        for file in ("server", "tracing", "dev")
    )
    assert plain < tracing < tests
    assert any(each.startswith("opentelemetry-sdk==") for each in tracing)
    stack = services(STACKS[0])
    for name in ("app", "celery-worker1", "celery-worker2"):
        assert stack[name]["build"]["args"] == {"EXTRAS": "${EXTRAS:-}"}
        assert "outward" in stack[name]["networks"]


def test_what_nginx_runs_may_be_run() -> None:
    """Its entrypoint passes over a script that isn't executable."""
    assert os.access(ROOT / "nginx" / "15-trinity.envsh", os.X_OK)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
