"""Keys at rest: entries of TRINITY_API_KEYS, what is wrong with them, and new ones from the command line."""

import re
from hashlib import sha256

import pytest
from click.testing import CliRunner

from app.__main__ import cli
from app.api_keys import digest_of, new_key, parse
from app.settings import SettingsError, load

AB, CD = "ab" * 32, "cd" * 32


def problems(text: str) -> list[str]:
    """What stops the start."""
    with pytest.raises(SettingsError) as caught:
        load({"TRINITY_API_KEYS": text}, "no such file")
    return str(caught.value).splitlines()


def test_entries_are_separated_by_commas_or_lines() -> None:
    """With space around them, and in digits of either case."""
    first, second = parse(f" board:read:{AB.upper()} ,\n\n loader:fit+predict:{CD},")
    assert (first.name, first.scopes, first.digest) == ("board", {"read"}, AB)
    assert second.scopes == {"fit", "predict"}
    assert second.entry == f"loader:predict+fit:{CD}"


@pytest.mark.parametrize(
    "entry",
    [
        "trk_a-key-itself",
        f"board:read:{AB}:more",
        f":read:{AB}",
        f"a b:read:{AB}",
        f"{'n' * 65}:read:{AB}",
        f"board::{AB}",
        f"board:read+:{AB}",
        f"board:write:{AB}",
        f"board:READ:{AB}",
        "board:read:",
        f"board:read:{AB[:-1]}",
        f"board:read:{AB[:-1]}g",
        f"board:read:{AB}é",
    ],
)
def test_a_bad_entry_is_named_by_its_number_and_not_quoted(entry: str) -> None:
    """The good entry before it is not reported."""
    (line,) = problems(f"good:read:{CD},{entry}")
    assert line.startswith("TRINITY_API_KEYS: entry 2: ")
    assert not [part for part in entry.split(":") if len(part) > 5 and part in line]


def test_all_bad_entries_are_reported_together() -> None:
    """A line each, beside those of the other settings."""
    assert len(problems(f"x,y,board:read:{AB},z")) == 3
    with pytest.raises(SettingsError) as caught:
        load({"TRINITY_API_KEYS": "x", "TRINITY_THREADS": "no"}, "no such file")
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("text", [f"a:read:{AB},a:fit:{CD}", f"a:read:{AB},b:fit:{AB}"], ids=["name", "key"])
def test_no_two_entries_share_a_name_or_a_key(text: str) -> None:
    """What such a key may do would depend on the order."""
    assert len(problems(text)) == 1


@pytest.mark.parametrize("text", [",", "\n", " , "])
def test_a_setting_without_an_entry_does_not_open_the_service(text: str) -> None:
    """Only one that is empty or not set does."""
    assert problems(text) == ["TRINITY_API_KEYS: it has no entry"]


def test_the_command_makes_a_key_and_its_entry() -> None:
    """The entry holds nothing but the key's hash; no two keys are alike."""
    made = [CliRunner().invoke(cli, ["key", "board", "--scopes", "predict+read"]) for _ in range(2)]
    for result in made:
        secret, entry = result.stderr.strip(), result.stdout.strip()
        assert re.fullmatch(r"trk_[A-Za-z0-9_-]{43}", secret)
        assert entry == f"board:read+predict:{sha256(secret.encode()).hexdigest()}"
        assert load({"TRINITY_API_KEYS": entry}, "no such file").api_keys == entry
    assert made[0].stderr != made[1].stderr


@pytest.mark.parametrize("arguments", [["a b", "--scopes", "read"], ["board", "--scopes", "all"], ["board"]])
def test_the_command_refuses_what_the_setting_would(arguments: list[str]) -> None:
    """And prints no key then."""
    result = CliRunner().invoke(cli, ["key", *arguments])
    assert result.exit_code != 0
    assert "trk_" not in result.output


def test_config_masks_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the hashes are shown."""
    monkeypatch.setenv("TRINITY_API_KEYS", f"board:read:{AB}")
    shown = CliRunner().invoke(cli, ["config"]).stdout
    assert "TRINITY_API_KEYS=***" in shown
    assert AB not in shown


def test_a_new_key_is_known_by_its_hash() -> None:
    """The one that `parse` gives for its entry."""
    secret, key = new_key("board", "fit")
    assert parse(key.entry) == [key]
    assert key.digest == digest_of(secret.encode())
