"""Settings: TRINITY_* variables and .env to one Struct, or a list of all that is wrong."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from app.__main__ import cli
from app.settings import Mode, Settings, SettingsError, load, masked

URLS = {"TRINITY_BROKER_URL": "amqp://rabbit//", "TRINITY_LEDGER_URL": "redis://ledger/0"}


def problems(environment: dict[str, str], dotenv: Path | None = None) -> str:
    """What is wrong with an environment."""
    with pytest.raises(SettingsError) as caught:
        load(environment, dotenv or "no such file")
    return str(caught.value)


def given(environment: dict[str, str]) -> Settings:
    """The settings of an environment without .env."""
    return load(environment, "no such file")


def test_defaults() -> None:
    """Nothing set is sync mode with every default."""
    assert given({}) == Settings()
    assert given({}).mode is Mode.SYNC


def test_values_are_read_in_their_types() -> None:
    """Numbers become numbers, the mode a Mode, text stays text."""
    settings = given({"TRINITY_MODE": "async", "TRINITY_MAX_BODY": "1024", "TRINITY_RATE_LIMIT_FIT": "10/m", **URLS})
    assert (settings.mode, settings.max_body, settings.rate_limit_fit) == (Mode.ASYNC, 1024, "10/m")


def test_other_peoples_variables_are_left_alone() -> None:
    """What doesn't begin with TRINITY_ is nobody's business here."""
    assert given({"PATH": "/bin", "FLOWER_PORT": "1", "TRINITYX": "1"}) == Settings()


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "", " "])
def test_a_count_is_a_positive_whole_number(value: str) -> None:
    """Anything else is named, but for nothing at all, which is the default."""
    if value:
        assert "TRINITY_THREADS" in problems({"TRINITY_THREADS": value})
    else:
        assert given({"TRINITY_THREADS": value}).threads == Settings().threads


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TRINITY_MODE", "both"),
        ("TRINITY_BROKER_URL", "http://rabbit"),
        ("TRINITY_BROKER_URL", "rabbit:5672"),
        ("TRINITY_LEDGER_URL", "amqp://rabbit"),
        ("TRINITY_RATE_LIMIT_FIT", "fast"),
        ("TRINITY_RATE_LIMIT_SCORE", "10/y"),
        ("TRINITY_MAX_TIMEOUT", "0"),
        ("TRINITY_WEBHOOK_HOSTS", "http://hooks.internal"),
        ("TRINITY_WEBHOOK_HOSTS", "a b"),
        ("TRINITY_WEBHOOK_SECRET", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("TRINITY_WEBHOOK_SECRET", "whsec_" + "A" * 31 + "="),
        ("TRINITY_WEBHOOK_SECRET", "whsec_" + "A" * 33),
        ("TRINITY_WEBHOOK_SECRET", "whsec_" + "-" * 32),
    ],
)
def test_a_wrong_value_names_its_variable(variable: str, value: str) -> None:
    """Each refusal begins with the variable's name."""
    assert problems({variable: value}).startswith(f"{variable}: ")


def test_a_refused_url_is_not_quoted() -> None:
    """URLs hold passwords: the message doesn't repeat one."""
    assert "hunter2" not in problems({"TRINITY_BROKER_URL": "http://me:hunter2@rabbit"})


@pytest.mark.parametrize(
    "url",
    [
        "redis://:top/secret@ledger/0",
        "redis://:12#secret@ledger/0",
        "redis://:top?secret@ledger/0",
        "redis://[secret",
        "redis://ledger:secret",
        "redis://:top secret@ledger/0",
        "redis://led ger/secret",
    ],
)
def test_a_url_that_cannot_be_read_stops_the_start_unquoted(url: str) -> None:
    """Libraries would quote it, or take a part of the password for the host or the port."""
    text = problems({**URLS, "TRINITY_LEDGER_URL": url})
    assert text.startswith("TRINITY_LEDGER_URL: this URL cannot be parsed")
    assert "secret" not in text and "top" not in text


@pytest.mark.parametrize(
    "url",
    [
        "redis://ledger",
        "redis://:%2F%40@[::1]:6379/0",
        "rediss://me:@ledger/0?client_name=a@b",
        "rediss://me@corp:top@ledger/0",
    ],
)
def test_urls_of_all_kinds_are_taken(url: str) -> None:
    """Without a password, escaped, IPv6, and with an @ behind the host."""
    assert given({**URLS, "TRINITY_LEDGER_URL": url}).ledger_url == url


def test_a_url_without_a_host_is_refused() -> None:
    assert problems({**URLS, "TRINITY_BROKER_URL": "amqp:///vhost"}) == "TRINITY_BROKER_URL: this URL has no host"


@pytest.mark.parametrize("password", ["top", "to/p", "t?p", "t#p", "t@p", "t:p", "t p", "t\np", "%2F"])
def test_a_password_is_masked_whatever_it_holds(password: str) -> None:
    """Also where no such URL would be taken."""
    assert masked(f"redis://me@corp:{password}@ledger:6379/0") == "redis://me@corp:***@ledger:6379/0"
    assert masked(f"redis://user:{password}@ledger:6379/0") == "redis://user:***@ledger:6379/0"
    assert masked(f"redis://:{password}@ledger/0") == "redis://:***@ledger/0"
    assert masked("redis://ledger:6379/0") == "redis://ledger:6379/0"


def test_a_refused_secret_is_not_quoted() -> None:
    """Nor is one that is too short."""
    assert "hunter2" not in problems({"TRINITY_WEBHOOK_SECRET": "whsec_hunter2"})


@pytest.mark.parametrize("secret", ["whsec_" + "A" * 32, "whsec_" + "A" * 34 + "==", "whsec_" + "+" * 35 + "="])
def test_a_webhook_secret_has_24_bytes_or_more(secret: str, tmp_path: Path) -> None:
    """In base64; it may come as a file, and isn't shown."""
    file = tmp_path / "secret"
    file.write_text(f"{secret}\n")
    assert given({"TRINITY_WEBHOOK_SECRET_FILE": str(file)}).webhook_secret == secret
    assert masked(secret, "webhook_secret") == "***"


@pytest.mark.parametrize("hosts", ["hooks.internal", "a, b:8080 ,[::1]:9", "10.0.0.1:80"])
def test_webhook_hosts_are_a_list(hosts: str) -> None:
    """Of hosts, with a port or without."""
    assert given({"TRINITY_WEBHOOK_HOSTS": hosts}).webhook_hosts == hosts


def test_config_shows_no_secret() -> None:
    """Neither a password in a URL nor a secret, and says that there is one."""
    secrets = {"TRINITY_LEDGER_URL": "redis://:hunter2@ledger/0", "TRINITY_WEBHOOK_SECRET": "whsec_" + "hunter2+" * 4}
    runner = CliRunner()
    ran = runner.invoke(cli, ["config"], env=secrets)
    without = runner.invoke(cli, ["config"], env=dict.fromkeys(secrets, ""))
    assert ran.exit_code == 0, ran.output
    assert "hunter2" not in ran.output
    assert "TRINITY_LEDGER_URL=redis://:***@ledger/0\n" in ran.output
    assert "TRINITY_WEBHOOK_SECRET=***\n" in ran.output
    assert "TRINITY_WEBHOOK_SECRET=\n" in without.output


def test_an_unknown_name_suggests_the_closest() -> None:
    """A mistyped name stops the start; the error suggests the right one."""
    assert "did you mean TRINITY_MAX_BODY?" in problems({"TRINITY_MAX_BODDY": "5"})


def test_a_name_like_none_suggests_nothing() -> None:
    """The prefix alone doesn't make two names alike."""
    assert "did you mean" not in problems({"TRINITY_COLOUR": "red"})


def test_an_unknown_file_variable_is_named_as_it_was_given() -> None:
    """TRINITY_COLOUR_FILE is what the user has to look for."""
    assert "TRINITY_COLOUR_FILE" in problems({"TRINITY_COLOUR_FILE": __file__})


@pytest.mark.parametrize("missing", list(URLS))
def test_async_needs_its_urls(missing: str) -> None:
    """Async mode without broker or ledger names what is missing, and only that."""
    environment = {"TRINITY_MODE": "async", **URLS}
    del environment[missing]
    (present,) = set(URLS) - {missing}
    assert missing in problems(environment)
    assert present not in problems(environment)


def test_every_problem_is_listed_at_once(tmp_path: Path) -> None:
    """Wrong value, unknown name, unreadable secret and missing URL: one start shows them all, a line each."""
    environment = {
        "TRINITY_MODE": "async",
        "TRINITY_LEDGER_URL_FILE": str(tmp_path / "absent"),
        "TRINITY_THREADS": "x",
        "TRINITY_MAX_BODDY": "1",
    }
    listed = problems(environment).splitlines()
    for name in ("TRINITY_LEDGER_URL_FILE", "TRINITY_THREADS", "TRINITY_MAX_BODDY", "TRINITY_BROKER_URL"):
        assert sum(name in line for line in listed) == 1, name


def test_a_secret_may_come_as_a_file(tmp_path: Path) -> None:
    """X_FILE is the path of a file that holds X, without the newline at its end."""
    secret = tmp_path / "url"
    secret.write_text("redis://:hunter2@ledger/0\n")
    assert given({"TRINITY_LEDGER_URL_FILE": str(secret)}).ledger_url == "redis://:hunter2@ledger/0"


def test_a_secret_that_is_not_text_is_a_problem(tmp_path: Path) -> None:
    """A file of bytes is refused as any other wrong setting is."""
    secret = tmp_path / "url"
    secret.write_bytes(b"\xff\xfe\x00")
    assert "TRINITY_LEDGER_URL_FILE" in problems({"TRINITY_LEDGER_URL_FILE": str(secret)})


def test_dotenv_is_read(tmp_path: Path) -> None:
    """What the environment doesn't set comes from .env."""
    dotenv = tmp_path / ".env"
    dotenv.write_text("TRINITY_STORE=from-dotenv\nOTHER=1\n")
    assert load({}, dotenv).store == "from-dotenv"


def test_the_environment_wins_over_dotenv(tmp_path: Path) -> None:
    """A variable that is set in both has the environment's value, an empty one the default."""
    dotenv = tmp_path / ".env"
    dotenv.write_text("TRINITY_STORE=from-dotenv\n")
    assert load({"TRINITY_STORE": "mine"}, dotenv).store == "mine"
    assert load({"TRINITY_STORE": ""}, dotenv).store == Settings().store


def test_the_environment_wins_over_a_file_named_in_dotenv(tmp_path: Path) -> None:
    """X of the environment counts more than X_FILE of .env."""
    secret, dotenv = tmp_path / "secret", tmp_path / ".env"
    secret.write_text("from-file")
    dotenv.write_text(f"TRINITY_STORE_FILE={secret}\n")
    assert load({"TRINITY_STORE": "mine"}, dotenv).store == "mine"


def test_a_file_of_the_environment_wins_over_dotenv(tmp_path: Path) -> None:
    """X_FILE of the environment counts more than X of .env."""
    secret, dotenv = tmp_path / "secret", tmp_path / ".env"
    secret.write_text("from-file")
    dotenv.write_text("TRINITY_STORE=from-dotenv\n")
    assert load({"TRINITY_STORE_FILE": str(secret)}, dotenv).store == "from-file"


def test_a_typo_in_dotenv_stops_the_start_too(tmp_path: Path) -> None:
    """Unknown names are refused wherever they stand."""
    dotenv = tmp_path / ".env"
    dotenv.write_text("TRINITY_MDOE=async\n")
    assert "did you mean TRINITY_MODE?" in problems({}, dotenv)
