"""The table of formats: which reader a body gets, and what is refused."""

import pytest

from app.errors import Invalid, UnsupportedMediaType
from app.schemas.verbs import Verb
from app.serve.bodies.formats import READERS, parse, reader_for, readers

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.mark.parametrize(
    ("content_type", "media_type"),
    [
        ("application/json", "application/json"),
        ("Application/JSON; charset=utf-8", "application/json"),
        ("text/csv", "text/csv"),
        ("text/csv;header=present", "text/csv"),
        ("application/x-npy", "application/x-npy"),
    ],
)
def test_a_body_gets_the_reader_of_its_type(content_type: str, media_type: str) -> None:
    assert reader_for("predict", content_type, b"x").media_type == media_type


@pytest.mark.parametrize("content_type", [None, ""])
def test_an_empty_body_needs_no_type(content_type: str | None) -> None:
    assert reader_for("fit", content_type, b" \n").media_type == "application/json"


@pytest.mark.parametrize(
    ("verb", "content_type", "words"),
    [
        ("fit", None, "can't read a body without a Content-Type; send application/json or text/csv"),
        ("predict", "text/plain", "can't read text/plain; send application/json, text/csv or application/x-npy"),
        ("fit", XLSX, f"can't read {XLSX}; send"),
        ("score", "application/x-npy", "has only X, so it is for predict; send application/json or text/csv"),
    ],
)
def test_other_types_are_refused_with_those_that_are_read(verb: Verb, content_type: str, words: str) -> None:
    with pytest.raises(UnsupportedMediaType, match=words):
        reader_for(verb, content_type, b"x")


def test_a_verb_that_needs_y_has_only_formats_that_hold_it() -> None:
    assert [reader.name for reader in readers("fit")] == ["JSON", "CSV"]
    assert [reader.name for reader in readers("predict")] == ["JSON", "CSV", "npy"]


def test_json_takes_no_query() -> None:
    """The message names the formats that do."""
    with pytest.raises(Invalid, match="query parameters go with CSV and npy; in JSON they are members of the body"):
        parse("predict", READERS["application/json"], b"{}", {"version": "1"}, None)


def test_the_path_names_the_model() -> None:
    assert parse("predict", READERS["text/csv"], b"x\n1\n", {}, "linear").model == "linear"
    with pytest.raises(Invalid, match="the path names model 'linear', the body 'other'"):
        parse("predict", READERS["text/csv"], b"x\n1\n", {"model": "other"}, "linear")
