"""Errors say what could stand in the place of a wrong value or name: a bounded list, or what it is like."""

from typing import Annotated, Any, Literal

import msgspec
import pytest

from app.errors import Invalid
from app.schemas.pointers import located
from app.serve.bodies.json_body import parse_json


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    colour: Literal["red", "green"] | None = None
    many: Literal[tuple(f"{number:02}-{'x' * 60}" for number in range(30))] = "00"  # type: ignore[valid-type]


class Only(msgspec.Struct, forbid_unknown_fields=True):
    on: bool = True


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    inner: Annotated[Inner | None, msgspec.Meta(description="one")] = None
    listed: list[Inner] = []
    fixed: tuple[int, Inner] = (1, Inner())
    named: dict[str, Inner] = {}
    size: Literal[1, 2] = 1
    only: Only = msgspec.field(default_factory=Only)


def refusal(text: str) -> Invalid:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(text, type=Outer)
    return located(caught.value, text.encode(), "/at", kind=Outer)


VALUES = "'blue' is not one of the values allowed here: green, red"


@pytest.mark.parametrize(
    ("text", "pointer", "words"),
    [
        ('{"inner": {"colour": "blue"}}', "/at/inner/colour", VALUES),
        ('{"listed": [{}, {"colour": "blue"}]}', "/at/listed/1/colour", VALUES),
        ('{"fixed": [1, {"colour": "blue"}]}', "/at/fixed/1/colour", VALUES),
        ('{"size": 3}', "/at/size", "3 is not one of the values allowed here: 1, 2"),
        ('{"inner": {"color": "red"}}', "/at/inner/color", "there is no member 'color'; did you mean colour?"),
        ('{"Inner": {}}', "/at/Inner", "there is no member 'Inner'; did you mean inner?"),
        ('{"only": {"zzz": 1}}', "/at/only/zzz", "there is no member 'zzz'; there is on"),
        (
            '{"zzz": 1}',
            "/at/zzz",
            "there is no member 'zzz'; there are inner, listed, fixed, named, size, only",
        ),
    ],
)
def test_what_is_allowed_is_said(text: str, pointer: str, words: str) -> None:
    refused = refusal(text)
    assert (refused.pointers, refused.detail) == ([pointer], words)


def test_the_list_is_bounded() -> None:
    """To 20 values of 40 characters."""
    said = refusal('{"inner": {"many": "x"}}').detail.partition(": ")[2].split(", ")
    assert (len(said), said[-1]) == (21, "… and 10 more")
    assert {len(value) for value in said[:20]} == {40}


@pytest.mark.parametrize(
    ("verb", "body", "pointer", "words"),
    [
        ("fit", {"parms": {}}, "/parms", "did you mean params?"),
        ("fit", {"data": {"x": [[1]]}}, "/data/x", "did you mean X?"),
        ("fit", {"data": {"sourc": "dummy"}}, "/data/sourc", "did you mean source?"),
        ("fit", {"promote": {"on": {"Y": []}}}, "/promote/on/Y", "did you mean y?"),
        ("predict", {"output": ["y"]}, "/output", "did you mean outputs?"),
        ("score", {"qqqq": 1}, "/qqqq", "there are model, version, data"),
    ],
)
def test_a_misspelt_member_of_a_request_is_like_another(verb: Any, body: Any, pointer: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_json(verb, msgspec.json.encode(body))
    assert caught.value.pointers == [pointer]
    assert words in caught.value.detail
